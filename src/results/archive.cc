#include "results/archive.h"

#include <charconv>

#include "sys/json_text.h"

namespace whet::results {

using nlohmann::json;

json setting_json(const std::string& text) {
  const char* end = text.data() + text.size();
  int64_t whole{};
  if (const auto read = std::from_chars(text.data(), end, whole);
      read.ec == std::errc() && read.ptr == end) {
    return whole;
  }
  double number{};
  if (const auto read = std::from_chars(text.data(), end, number);
      read.ec == std::errc() && read.ptr == end && std::isfinite(number)) {
    return number;
  }
  return text;
}

std::string shown(const json* value) {
  if (value == nullptr || value->is_null()) return "nothing";
  constexpr size_t kMostBytes = 60;
  // Only a scalar is printed: a deep value has a long text.
  if (value->is_structured()) return value->is_array() ? "an array" : "an object";
  std::string text = json_text(*value);
  if (text.size() > kMostBytes) text = text.substr(0, kMostBytes) + "...";
  return text;
}

void Reader::read_integer(const json& found, const std::string& path, int64_t& value, int64_t low,
                          int64_t high) {
  const bool fits = found.is_number_unsigned()
                        ? found.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX)
                        : found.is_number_integer();
  if (!fits || found.get<int64_t>() < low || found.get<int64_t>() > high) {
    return complain_at(path,
                       low == INT64_MIN ? std::string("an integer below 2^63")
                                        : fmt::format("an integer from {} to {}", low, high),
                       &found);
  }
  value = found.get<int64_t>();
}

void Reader::read_settings(const json& found, const std::string& path, Settings& value) {
  if (!found.is_object()) return complain_at(path, "an object", &found);
  for (const auto& [name, item] : found.items()) {
    if (item.is_string()) {
      value[name] = item.get<std::string>();
    } else if (item.is_number_float()) {
      value[name] = fmt::format("{}", item.get<double>());
    } else if (item.is_primitive() && !item.is_null()) {
      value[name] = json_text(item);
    } else if (!item.is_null()) {
      complain_at(path + "." + name, "a number or a text", &item);
    }
  }
}

}  // namespace whet::results
