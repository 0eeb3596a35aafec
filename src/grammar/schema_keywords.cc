#include "grammar/schema_keywords.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "grammar/string_format.h"

namespace whet::grammar {
namespace {

enum class KeywordKind {
  kSchema,
  kSchemas,
  kSchemaMap,
  kCount,
  kNumber,
  kString,
  kStrings,
  kValues,
  kAnything,
  kBoolean,
  kTypes
};

const std::map<std::string, KeywordKind>& kinds() {
  static const std::map<std::string, KeywordKind> table{
      {"type", KeywordKind::kTypes},
      {"nullable", KeywordKind::kBoolean},
      {"enum", KeywordKind::kValues},
      {"const", KeywordKind::kAnything},
      {"properties", KeywordKind::kSchemaMap},
      {"required", KeywordKind::kStrings},
      {"additionalProperties", KeywordKind::kSchema},
      {"items", KeywordKind::kSchema},
      {"prefixItems", KeywordKind::kSchemas},
      {"minItems", KeywordKind::kCount},
      {"maxItems", KeywordKind::kCount},
      {"minLength", KeywordKind::kCount},
      {"maxLength", KeywordKind::kCount},
      {"pattern", KeywordKind::kString},
      {"format", KeywordKind::kString},
      {"minimum", KeywordKind::kNumber},
      {"maximum", KeywordKind::kNumber},
      {"exclusiveMinimum", KeywordKind::kNumber},
      {"exclusiveMaximum", KeywordKind::kNumber},
      {"anyOf", KeywordKind::kSchemas},
      {"oneOf", KeywordKind::kSchemas},
      {"allOf", KeywordKind::kSchemas},
      {"$ref", KeywordKind::kString},
  };
  return table;
}

const std::vector<std::string> kTypes{"null",   "boolean", "object", "array",
                                      "number", "integer", "string"};

bool is_schema(const Json& value) {
  return value.is_object() || value.is_boolean();
}

/// What the keyword's value must be, if it is not.
std::string expected(KeywordKind kind, const Json& value) {
  auto all = [&](auto&& is) { return std::all_of(value.begin(), value.end(), is); };
  auto is_type = [](const Json& name) {
    return name.is_string() && std::find(kTypes.begin(), kTypes.end(),
                                         name.get_ref<const std::string&>()) != kTypes.end();
  };
  switch (kind) {
    case KeywordKind::kSchema:
      return is_schema(value) ? "" : "a schema (an object, true or false)";
    case KeywordKind::kSchemas:
      return value.is_array() && !value.empty() && all(is_schema) ? ""
                                                                  : "a list of at least one schema";
    case KeywordKind::kSchemaMap:
      return value.is_object() && all(is_schema) ? "" : "an object of schemas";
    case KeywordKind::kCount:
      return value.is_number_unsigned() && value <= 1'000'000 ? ""
                                                              : "a whole number from 0 to 1000000";
    case KeywordKind::kNumber:
      return value.is_number() ? "" : "a number";
    case KeywordKind::kString:
      return value.is_string() ? "" : "a string";
    case KeywordKind::kStrings:
      return value.is_array() && all([](const Json& s) { return s.is_string(); })
                 ? ""
                 : "a list of strings";
    case KeywordKind::kValues:
      return value.is_array() && !value.empty() ? "" : "a list of at least one value";
    case KeywordKind::kAnything:
      return "";
    case KeywordKind::kBoolean:
      return value.is_boolean() ? "" : "true or false";
    case KeywordKind::kTypes:
      return is_type(value) || (value.is_array() && !value.empty() && all(is_type))
                 ? ""
                 : "null, boolean, object, array, number, integer, string, or a list of them";
  }
  return "";
}

/// The start of a value, for messages.
std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return value.empty() ? "an empty list" : "a list";
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 40) + "...";
  return text;
}

}  // namespace

const std::vector<std::string>& constraining_keywords() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const auto& entry : kinds()) found.push_back(entry.first);
    return found;
  }();
  return names;
}

const std::vector<std::string>& describing_keywords() {
  static const std::vector<std::string> names{
      "title",     "description", "default", "example", "examples", "deprecated", "readOnly",
      "writeOnly", "$comment",    "$schema", "$id",     "$defs",    "definitions"};
  return names;
}

bool has_constraints(const Json& schema) {
  return std::any_of(schema.items().begin(), schema.items().end(),
                     [](const auto& member) { return kinds().contains(member.key()); });
}

Error schema_error(const std::string& pointer, std::string_view message) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("JSON schema, #{}: {}", pointer, message));
}

Status check_keywords(const Json& schema, const std::string& pointer) {
  if (!is_schema(schema)) {
    return schema_error(
        pointer,
        fmt::format("expected a schema (an object, true or false), found {}", shown(schema)));
  }
  if (schema.is_boolean()) return ok_status();
  const auto& describing = describing_keywords();
  for (const auto& [keyword, value] : schema.items()) {
    const auto kind = kinds().find(keyword);
    const std::string at = pointer_to(pointer, keyword);
    if (kind == kinds().end()) {
      if (std::find(describing.begin(), describing.end(), keyword) != describing.end()) continue;
      return schema_error(at, fmt::format("the keyword {} is not supported", shown(keyword)));
    }
    if (const std::string wanted = expected(kind->second, value); !wanted.empty()) {
      return schema_error(at, fmt::format("expected {}, found {}", wanted, shown(value)));
    }
    if (keyword == "nullable" && value == true && !schema.contains("type")) {
      return schema_error(at, "nullable has a meaning only beside type");
    }
    if (keyword == "format" && !format_pattern(value.get<std::string>()).has_value()) {
      return schema_error(at, fmt::format("the format {} is not supported; supported are {}",
                                          shown(value), fmt::join(supported_formats(), ", ")));
    }
  }
  return ok_status();
}

std::vector<std::string> declared_types(const Json& schema) {
  std::vector<std::string> types;
  const Json* type = find_member(schema, "type");
  if (type == nullptr) return types;
  if (type->is_string()) {
    types.push_back(type->get<std::string>());
  } else {
    for (const Json& name : *type) types.push_back(name.get<std::string>());
  }
  const Json* nullable = find_member(schema, "nullable");
  if (nullable != nullptr && *nullable == true) types.emplace_back("null");
  std::sort(types.begin(), types.end());
  types.erase(std::unique(types.begin(), types.end()), types.end());
  return types;
}

Result<const Json*> resolve_reference(const Json& root, const std::string& reference,
                                      const std::string& pointer) {
  const std::string at = pointer_to(pointer, "$ref");
  if (!reference.starts_with('#')) {
    return schema_error(at, fmt::format("{} is not in this document; only references that begin "
                                        "with # are supported",
                                        shown(reference)));
  }
  const auto nowhere = schema_error(at, fmt::format("{} leads nowhere", shown(reference)));
  const Json* found = &root;
  std::string_view rest = std::string_view(reference).substr(1);
  while (!rest.empty()) {
    if (rest[0] != '/') return nowhere;
    rest.remove_prefix(1);
    const std::string_view raw = rest.substr(0, rest.find('/'));
    rest.remove_prefix(raw.size());
    std::string name;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '%' && i + 2 < raw.size()) {
        const std::string hex(raw.substr(i + 1, 2));
        char* end = nullptr;
        const long byte = std::strtol(hex.c_str(), &end, 16);
        if (hex.size() != 2 || *end != '\0') return nowhere;
        name += static_cast<char>(byte);
        i += 2;
      } else {
        name += raw[i];
      }
    }
    for (size_t i = 0; (i = name.find('~', i)) != name.npos; ++i) {
      if (name.compare(i, 2, "~1") == 0) {
        name.replace(i, 2, "/");
      } else if (name.compare(i, 2, "~0") == 0) {
        name.replace(i, 2, "~");
      }
    }
    if (found->is_object()) {
      found = find_member(*found, name);
      if (found == nullptr) return nowhere;
    } else if (found->is_array() && !name.empty() && name.size() < 9 &&
               name.find_first_not_of("0123456789") == name.npos &&
               std::stoul(name) < found->size()) {
      found = &(*found)[std::stoul(name)];
    } else {
      return nowhere;
    }
  }
  return found;
}

}  // namespace whet::grammar
