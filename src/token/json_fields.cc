#include "token/json_fields.h"

#include <fmt/format.h>

#include "base/invalid_model.h"
#include "base/json_nesting.h"
#include "formats/untrusted_text.h"

namespace whet {

using nlohmann::json;

namespace {

Error wrong_type(const char* name, const char* expected, const json& found) {
  return invalid_model(
      fmt::format("\"{}\": expected {}, found {}", name, expected, found.type_name()));
}

}  // namespace

Result<json> parse_json_object(std::string_view text) {
  if (text.size() > kMaxJsonBytes) {
    return invalid_model(fmt::format("{} bytes of JSON, more than {}", text.size(), kMaxJsonBytes));
  }
  if (const int depth = json_nesting(text); depth > kMaxJsonNesting) {
    return invalid_model(fmt::format("JSON nested {} deep, more than {}", depth, kMaxJsonNesting));
  }
  try {
    json value = json::parse(text);
    if (!value.is_object()) {
      return invalid_model(fmt::format("expected a JSON object, found {}", value.type_name()));
    }
    return value;
  } catch (const json::exception& error) {
    // The library quotes the text around the error as it is.
    return invalid_model(fmt::format("JSON: {}", quote_untrusted(error.what())));
  }
}

const json* find_field(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(name);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<std::string> get_string(const json& object, const char* name) {
  const json* field = find_field(object, name);
  if (field == nullptr) return invalid_model(fmt::format("\"{}\" is missing", name));
  if (!field->is_string()) return wrong_type(name, "a string", *field);
  return field->get_ref<const std::string&>();
}

Result<std::string> get_string_or(const json& object, const char* name, std::string fallback) {
  if (find_field(object, name) == nullptr) return fallback;
  return get_string(object, name);
}

Result<bool> get_bool_or(const json& object, const char* name, bool fallback) {
  const json* field = find_field(object, name);
  if (field == nullptr) return fallback;
  if (!field->is_boolean()) return wrong_type(name, "true or false", *field);
  return field->get<bool>();
}

Result<int64_t> get_int(const json& object, const char* name) {
  const json* field = find_field(object, name);
  if (field == nullptr) return invalid_model(fmt::format("\"{}\" is missing", name));
  if (!field->is_number_integer()) return wrong_type(name, "an integer", *field);
  if (field->is_number_unsigned() && field->get<uint64_t>() > INT64_MAX) {
    return invalid_model(fmt::format("\"{}\" is too large", name));
  }
  return field->get<int64_t>();
}

Result<const json*> get_array(const json& object, const char* name) {
  const json* field = find_field(object, name);
  if (field == nullptr) return invalid_model(fmt::format("\"{}\" is missing", name));
  if (!field->is_array()) return wrong_type(name, "a list", *field);
  return field;
}

}  // namespace whet
