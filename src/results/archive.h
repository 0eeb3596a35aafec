// The three ways through the description of a type (codec.cc): Writer makes JSON of it, Reader
// fills it from JSON that nobody vouches for, TextVisitor shows its texts. A description names
// each field once, so what is written is what is read.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "results/document.h"

namespace whet::results {

template <typename Enum>
using Names = std::span<const std::pair<Enum, std::string_view>>;

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <typename T>
inline constexpr bool is_vector = false;
template <typename T>
inline constexpr bool is_vector<std::vector<T>> = true;

/// A value and what its text means as JSON.
nlohmann::json setting_json(const std::string& text);
/// What `value` is, short enough for a message.
std::string shown(const nlohmann::json* value);

class Writer {
 public:
  template <typename T>
  using Ref = const T&;

  /// null where there is nothing.
  template <typename T>
  void field(const char* key, const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      out_[key] = value.empty() ? nlohmann::json(nullptr) : nlohmann::json(value);
    } else {
      out_[key] = json_of(value);
    }
  }
  /// Left out where there is nothing.
  void field_if_any(const char* key, const std::string& value) {
    if (!value.empty()) out_[key] = value;
  }
  template <typename T>
  void required(const char* key, const T& value) {
    out_[key] = json_of(value);
  }
  /// The object counts as missing without it.
  void needed(const char* key, double value) { out_[key] = value; }
  template <typename T>
  void integer(const char* key, const T& value, int64_t, int64_t) {
    out_[key] = json_of(value);
  }
  template <typename T>
  void word(const char* key, const T& value, auto names) {
    if constexpr (is_optional<T>) {
      out_[key] = value ? nlohmann::json(name_of(*value, names)) : nlohmann::json(nullptr);
    } else {
      out_[key] = name_of(value, names);
    }
  }
  template <typename T>
  void required_word(const char* key, const T& value, auto names) {
    word(key, value, names);
  }
  void interval(const std::optional<stats::Interval>& value) {
    out_["low"] = value ? nlohmann::json(value->low) : nlohmann::json(nullptr);
    out_["high"] = value ? nlohmann::json(value->high) : nlohmann::json(nullptr);
  }
  /// An object of its own for some fields of this one.
  void object(const char* key, auto describe_part) {
    Writer part;
    describe_part(part);
    out_[key] = std::move(part).result();
  }
  void check(const char*, bool, std::string_view) {}
  void schema(std::string_view name) { out_["schema"] = name; }
  /// In line, or where they lie.
  template <typename File, typename Events>
  void events(const File& file, const Events& in_line) {
    if (file.file.empty()) {
      field("events", in_line);
    } else {
      field("events", file);
    }
  }

  nlohmann::json result() && { return std::move(out_); }

 private:
  template <typename Enum>
  static std::string_view name_of(Enum value, Names<Enum> names) {
    for (const auto& [known, name] : names) {
      if (known == value) return name;
    }
    return "";
  }

  template <typename T>
  static nlohmann::json json_of(const T& value) {
    if constexpr (is_optional<T>) {
      return value ? json_of(*value) : nlohmann::json(nullptr);
    } else if constexpr (is_vector<T>) {
      nlohmann::json out = nlohmann::json::array();
      for (const auto& item : value) out.push_back(json_of(item));
      return out;
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string> ||
                         std::is_same_v<T, std::map<std::string, std::string>>) {
      return value;
    } else if constexpr (std::is_same_v<T, Settings>) {
      nlohmann::json out = nlohmann::json::object();
      for (const auto& [name, text] : value) out[name] = setting_json(text);
      return out;
    } else {
      Writer part;
      describe(part, value);
      return std::move(part).result();
    }
  }

  nlohmann::json out_ = nlohmann::json::object();
};

/// Reading goes on after the first problem, which is the one that is kept.
class Reader {
 public:
  template <typename T>
  using Ref = T&;

  Reader(const nlohmann::json& value, std::string path, std::optional<Error>& problem)
      : value_(value), path_(std::move(path)), problem_(problem) {
    if (!value_.is_object()) complain_at(path_, "an object", &value_);
  }

  template <typename T>
  void field(const char* key, T& value) {
    if (const nlohmann::json* found = find(key)) read(*found, path_of(key), value);
  }
  void field_if_any(const char* key, std::string& value) { field(key, value); }
  template <typename T>
  void required(const char* key, T& value) {
    const nlohmann::json* found = find(key);
    read(found ? *found : null(), path_of(key), value);
  }
  void needed(const char* key, double& value) {
    if (find(key) == nullptr) is_missing_ = true;
    field(key, value);
  }
  bool is_missing() const { return is_missing_; }

  template <typename T>
  void integer(const char* key, T& value, int64_t low, int64_t high) {
    const nlohmann::json* found = find(key);
    if constexpr (is_optional<T>) {
      if (!found) return;
      int64_t number = low;
      read_integer(*found, path_of(key), number, low, high);
      value = number;
    } else {
      read_integer(found ? *found : null(), path_of(key), value, low, high);
    }
  }
  template <typename T>
  void word(const char* key, T& value, auto names) {
    if (const nlohmann::json* found = find(key)) read_word(*found, path_of(key), value, names);
  }
  template <typename T>
  void required_word(const char* key, T& value, auto names) {
    const nlohmann::json* found = find(key);
    read_word(found ? *found : null(), path_of(key), value, names);
  }
  void interval(std::optional<stats::Interval>& value) {
    std::optional<double> low, high;
    field("low", low);
    field("high", high);
    if (low && high) value = stats::Interval{*low, *high};
  }
  void object(const char* key, auto describe_part) {
    const nlohmann::json* found = find(key);
    Reader part(found ? *found : null(), path_of(key), problem_);
    describe_part(part);
  }
  void check(const char* key, bool is_right, std::string_view expected) {
    if (!is_right) complain_at(path_of(key), expected, find(key));
  }
  void schema(std::string_view name) {
    const nlohmann::json* found = find("schema");
    if (!found || *found != name) {
      complain_at(path_of("schema"), fmt::format("\"{}\"", name), found);
    }
  }
  template <typename File, typename Events>
  void events(File& file, Events& in_line) {
    const nlohmann::json* found = find("events");
    if (found && found->is_array()) {
      field("events", in_line);
    } else {
      field("events", file);
    }
  }

 private:
  static const nlohmann::json& null() {
    static const nlohmann::json value;
    return value;
  }
  const nlohmann::json* find(const char* key) const {
    if (!value_.is_object()) return nullptr;
    const auto found = value_.find(key);
    return found == value_.end() || found->is_null() ? nullptr : &*found;
  }
  std::string path_of(const char* key) const { return path_.empty() ? key : path_ + "." + key; }

  void complain_at(const std::string& path, std::string_view expected,
                   const nlohmann::json* found) {
    if (problem_) return;
    problem_ = Error(ErrorCode::kInvalidArgument,
                     fmt::format("{}expected {}, found {}", path.empty() ? path : path + ": ",
                                 expected, shown(found)));
  }

  template <typename T>
  void read(const nlohmann::json& json, const std::string& path, T& value) {
    if constexpr (is_optional<T>) {
      read_optional(json, path, value);
    } else if constexpr (is_vector<T>) {
      read_array(json, path, value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (!json.is_string()) return complain_at(path, "a text", &json);
      value = json.get<std::string>();
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!json.is_boolean()) return complain_at(path, "true or false", &json);
      value = json.get<bool>();
    } else if constexpr (std::is_same_v<T, double>) {
      if (!json.is_number() || !std::isfinite(json.get<double>()))
        return complain_at(path, "a number", &json);
      value = json.get<double>();
    } else if constexpr (std::is_same_v<T, uint64_t>) {
      if (!json.is_number_unsigned())
        return complain_at(path, "an integer from 0 to 2^64 - 1", &json);
      value = json.get<uint64_t>();
    } else if constexpr (std::is_same_v<T, int64_t>) {
      read_integer(json, path, value, INT64_MIN, INT64_MAX);
    } else if constexpr (std::is_same_v<T, Settings>) {
      read_settings(json, path, value);
    } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
      if (!json.is_object()) return complain_at(path, "an object", &json);
      for (const auto& [key, item] : json.items()) read(item, path + "." + key, value[key]);
    } else {
      Reader part(json, path, problem_);
      describe(part, value);
    }
  }

  template <typename T>
  void read_optional(const nlohmann::json& json, const std::string& path, std::optional<T>& value) {
    value.emplace();
    if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) {
      Reader part(json, path, problem_);
      describe(part, *value);
      if (part.is_missing()) value.reset();
    } else {
      read(json, path, *value);
    }
  }

  template <typename T>
  void read_array(const nlohmann::json& json, const std::string& path, std::vector<T>& value) {
    if (!json.is_array()) return complain_at(path, "an array", &json);
    for (size_t i = 0; i < json.size(); ++i)
      read(json[i], fmt::format("{}[{}]", path, i), value.emplace_back());
  }

  template <typename Enum>
  void read_word(const nlohmann::json& json, const std::string& path, std::optional<Enum>& value,
                 Names<Enum> names) {
    read_word(json, path, value.emplace(), names);
  }
  template <typename Enum>
  void read_word(const nlohmann::json& json, const std::string& path, Enum& value,
                 Names<Enum> names) {
    std::string expected;
    for (const auto& [known, name] : names) {
      if (json == name) {
        value = known;
        return;
      }
      expected += fmt::format("{}\"{}\"", expected.empty() ? "" : ", ", name);
    }
    complain_at(path, expected, &json);
  }

  void read_integer(const nlohmann::json& json, const std::string& path, int64_t& value,
                    int64_t low, int64_t high);
  void read_settings(const nlohmann::json& json, const std::string& path, Settings& value);

  const nlohmann::json& value_;
  std::string path_;
  std::optional<Error>& problem_;
  bool is_missing_ = false;
};

class TextVisitor {
 public:
  template <typename T>
  using Ref = T&;
  using Visit = std::function<void(std::string_view key, std::string& text)>;

  explicit TextVisitor(const Visit& visit) : visit_(visit) {}

  template <typename T>
  void field(const char* key, T& value) {
    if constexpr (is_optional<T>) {
      if (value) field(key, *value);
    } else if constexpr (is_vector<T>) {
      for (auto& item : value) field(key, item);
    } else if constexpr (std::is_same_v<T, std::string>) {
      visit_(key, value);
    } else if constexpr (std::is_same_v<T, Settings>) {
      Settings visited;
      for (const auto& item : value) {
        auto [name, text] = std::pair<std::string, std::string>(item);
        visit_(key, name);
        visit_(key, text);
        visited[name] = text;
      }
      value = std::move(visited);
    } else if constexpr (std::is_class_v<T>) {
      describe(*this, value);
    }
  }
  void field_if_any(const char* key, std::string& value) { field(key, value); }
  template <typename T>
  void required(const char* key, T& value) {
    field(key, value);
  }
  void needed(const char*, double&) {}
  template <typename T>
  void integer(const char*, T&, int64_t, int64_t) {}
  template <typename T>
  void word(const char*, T&, auto) {}
  template <typename T>
  void required_word(const char*, T&, auto) {}
  void interval(std::optional<stats::Interval>&) {}
  void object(const char*, auto describe_part) { describe_part(*this); }
  void check(const char*, bool, std::string_view) {}
  void schema(std::string_view) {}
  template <typename File, typename Events>
  void events(File& file, Events& in_line) {
    field("events", file);
    field("events", in_line);
  }

 private:
  const Visit& visit_;
};

}  // namespace whet::results
