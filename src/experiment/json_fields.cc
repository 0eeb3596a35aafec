#include "experiment/json_fields.h"

#include <fmt/format.h>

#include "sys/json_text.h"

namespace whet::experiment {
namespace {

using nlohmann::json;

const json kNothing;

std::string shown(const json* value) {
  if (value == nullptr) return "nothing";
  constexpr size_t kMostBytes = 60;
  // Only a scalar is printed: a deep value has a long text.
  if (value->is_structured()) return value->is_array() ? "an array" : "an object";
  std::string text = json_text(*value);
  if (text.size() > kMostBytes) text = text.substr(0, kMostBytes) + "...";
  return text;
}

bool is_integer_in(const json& value, int64_t low, int64_t high) {
  if (value.is_number_unsigned()) {
    const uint64_t number = value.get<uint64_t>();
    return number <= static_cast<uint64_t>(high) && static_cast<int64_t>(number) >= low;
  }
  return value.is_number_integer() && value.get<int64_t>() >= low && value.get<int64_t>() <= high;
}

std::string range(int64_t low, int64_t high) {
  return fmt::format("an integer from {} to {}", low, high);
}

}  // namespace

JsonFields::JsonFields(const json& object) : object_(object) {
  if (!object.is_object()) problem_ = fmt::format("expected an object, found {}", shown(&object));
}

const json* JsonFields::find(std::string_view key) const {
  if (!object_.is_object()) return nullptr;
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

bool JsonFields::is_given(const char* key) const {
  const json* value = find(key);
  return value != nullptr && !value->is_null();
}

void JsonFields::refuse(std::string_view key, std::string_view expected) {
  if (!problem_)
    problem_ = fmt::format("\"{}\": expected {}, found {}", key, expected, shown(find(key)));
}

void JsonFields::adopt(std::string_view part, const JsonFields& inner) {
  if (!problem_ && inner.problem_) problem_ = fmt::format("\"{}\": {}", part, *inner.problem_);
}

const json& JsonFields::required(const char* key, bool is_wanted, std::string_view expected) {
  if (is_wanted) return *find(key);
  refuse(key, expected);
  return kNothing;
}

std::string JsonFields::text(const char* key) {
  const json* value = find(key);
  const json& found = required(key, value && value->is_string(), "a text");
  return found.is_string() ? found.get<std::string>() : "";
}

uint64_t JsonFields::natural(const char* key) {
  const json* value = find(key);
  const json& found =
      required(key, value && value->is_number_unsigned(), "an integer from 0 to 2^64 - 1");
  return found.is_number_unsigned() ? found.get<uint64_t>() : 0;
}

int64_t JsonFields::integer(const char* key, int64_t low, int64_t high) {
  const json* value = find(key);
  const json& found = required(key, value && is_integer_in(*value, low, high), range(low, high));
  return found.is_null() ? low : found.get<int64_t>();
}

bool JsonFields::flag(const char* key) {
  const json* value = find(key);
  const json& found = required(key, value && value->is_boolean(), "true or false");
  return found.is_boolean() && found.get<bool>();
}

const json& JsonFields::object(const char* key) {
  const json* value = find(key);
  return required(key, value && value->is_object(), "an object");
}

const json& JsonFields::array(const char* key) {
  const json* value = find(key);
  return required(key, value && value->is_array(), "an array");
}

std::vector<std::string> JsonFields::texts(const char* key) {
  std::vector<std::string> out;
  for (const json& item : array(key)) {
    if (!item.is_string()) {
      refuse(key, "an array of texts");
      break;
    }
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::optional<std::string> JsonFields::optional_text(const char* key) {
  if (!is_given(key)) return std::nullopt;
  return text(key);
}

std::optional<int64_t> JsonFields::optional_integer(const char* key, int64_t low, int64_t high) {
  if (!is_given(key)) return std::nullopt;
  return integer(key, low, high);
}

std::optional<double> JsonFields::optional_number(const char* key) {
  if (!is_given(key)) return std::nullopt;
  const json& found = required(key, find(key)->is_number(), "a number");
  return found.is_number() ? std::optional(found.get<double>()) : std::nullopt;
}

std::optional<bool> JsonFields::optional_flag(const char* key) {
  if (!is_given(key)) return std::nullopt;
  return flag(key);
}

}  // namespace whet::experiment
