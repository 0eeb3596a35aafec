#include "grammar/schema_validator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "grammar/regex.h"
#include "grammar/schema_keywords.h"
#include "grammar/string_format.h"
#include "token/utf8.h"

namespace whet::grammar {
namespace {

// Deep enough for kMaxValueDepth levels with a few references each.
constexpr int kMaxNesting = 2000;
// Each schema that is looked at for each value counts; far more than real ones need.
constexpr int64_t kMaxValidationWork = 10'000'000;

using Found = Result<std::optional<Violation>>;

std::string_view type_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return "null";
    case Json::value_t::boolean:
      return "boolean";
    case Json::value_t::object:
      return "object";
    case Json::value_t::array:
      return "array";
    case Json::value_t::string:
      return "string";
    default:
      return "number";
  }
}

bool is_whole(const Json& value) {
  if (!value.is_number_float()) return value.is_number();
  const double x = value.get<double>();
  return std::isfinite(x) && x == std::floor(x);
}

/// Members may stand in any order.
bool equal(const Json& a, const Json& b) {
  return nlohmann::json(a) == nlohmann::json(b);
}

/// Exact for all pairs of 64-bit integers and doubles, where long double has 64 bits or more.
long double number_of(const Json& value) {
  if (value.is_number_unsigned()) return static_cast<long double>(value.get<uint64_t>());
  if (value.is_number_integer()) return static_cast<long double>(value.get<int64_t>());
  return static_cast<long double>(value.get<double>());
}

size_t n_code_points(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

class Validator {
 public:
  explicit Validator(const Json& root) : root_(root) {}

  Found check(const Json& schema, const Json& value, const std::string& schema_at,
              const std::string& value_at, int depth) {
    if (depth > kMaxNesting || ++work_ > kMaxValidationWork) {
      return schema_error(schema_at, "references without end, or too many alternatives to check");
    }
    if (schema.is_boolean()) {
      if (schema == true) return Found(std::nullopt);
      return violation(value_at, schema_at, "expected nothing here", value);
    }
    WHET_TRY_STATUS(check_keywords(schema, schema_at));
    for (auto part : {&Validator::check_reference, &Validator::check_type, &Validator::check_values,
                      &Validator::check_number, &Validator::check_string, &Validator::check_array,
                      &Validator::check_object, &Validator::check_all_of, &Validator::check_any_of,
                      &Validator::check_one_of}) {
      Found found = (this->*part)({schema, value, schema_at, value_at, depth});
      if (!found.ok() || found->has_value()) return found;
    }
    return Found(std::nullopt);
  }

 private:
  struct Place {
    const Json& schema;
    const Json& value;
    const std::string& schema_at;
    const std::string& value_at;
    int depth;

    const Json* keyword(std::string_view name) const { return find_member(schema, name); }
    std::string at(std::string_view name) const { return pointer_to(schema_at, name); }
  };

  static Found violation(const std::string& value_at, const std::string& schema_at,
                         std::string_view message, const Json& value) {
    std::string found = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (found.size() > 60) found = replace_invalid_utf8(found.substr(0, 60)) + "...";
    return Found(Violation{value_at, schema_at, fmt::format("{}, found {}", message, found)});
  }
  static Found violation(const Place& place, std::string_view keyword, std::string_view message) {
    return violation(place.value_at, place.at(keyword), message, place.value);
  }

  Found check_reference(const Place& p) {
    const Json* reference = p.keyword("$ref");
    if (reference == nullptr) return Found(std::nullopt);
    const auto text = reference->get<std::string>();
    WHET_TRY(const Json* target, resolve_reference(root_, text, p.schema_at));
    return check(*target, p.value, text.substr(1), p.value_at, p.depth + 1);
  }

  Found check_type(const Place& p) {
    const auto types = declared_types(p.schema);
    if (types.empty()) return Found(std::nullopt);
    for (const std::string& type : types) {
      if (type == type_of(p.value) || (type == "integer" && is_whole(p.value))) {
        return Found(std::nullopt);
      }
    }
    return violation(p, "type", fmt::format("expected {}", fmt::join(types, " or ")));
  }

  Found check_values(const Place& p) {
    if (const Json* only = p.keyword("const"); only != nullptr && !equal(*only, p.value)) {
      return violation(p, "const", fmt::format("expected {}", only->dump()));
    }
    if (const Json* values = p.keyword("enum"); values != nullptr) {
      const bool found = std::any_of(values->begin(), values->end(),
                                     [&](const Json& one) { return equal(one, p.value); });
      if (!found) return violation(p, "enum", "expected one of the listed values");
    }
    return Found(std::nullopt);
  }

  Found check_number(const Place& p) {
    if (!p.value.is_number()) return Found(std::nullopt);
    const long double x = number_of(p.value);
    auto bound = [&](const char* name, auto&& holds, const char* words) -> Found {
      const Json* limit = p.keyword(name);
      if (limit == nullptr || holds(x, number_of(*limit))) return Found(std::nullopt);
      return violation(p, name, fmt::format("expected {} {}", words, limit->dump()));
    };
    for (Found found : {bound("minimum", std::greater_equal<>(), "at least"),
                        bound("maximum", std::less_equal<>(), "at most"),
                        bound("exclusiveMinimum", std::greater<>(), "more than"),
                        bound("exclusiveMaximum", std::less<>(), "less than")}) {
      if (found->has_value()) return found;
    }
    return Found(std::nullopt);
  }

  Found check_count(const Place& p, size_t count, const char* least, const char* most,
                    std::string_view things) {
    if (const Json* min = p.keyword(least); min != nullptr && *min > count) {
      return violation(p, least, fmt::format("expected at least {} {}", min->dump(), things));
    }
    if (const Json* max = p.keyword(most); max != nullptr && *max < count) {
      return violation(p, most, fmt::format("expected at most {} {}", max->dump(), things));
    }
    return Found(std::nullopt);
  }

  Found check_string(const Place& p) {
    if (!p.value.is_string()) return Found(std::nullopt);
    const auto& text = p.value.get_ref<const std::string&>();
    WHET_TRY(auto found,
             check_count(p, n_code_points(text), "minLength", "maxLength", "characters"));
    if (found.has_value()) return Found(std::move(found));
    if (const Json* pattern = p.keyword("pattern"); pattern != nullptr) {
      WHET_TRY(const bool matches, match(pattern->get<std::string>(), true, p.at("pattern"), text));
      if (!matches) {
        return violation(p, "pattern", fmt::format("expected a match of {}", pattern->dump()));
      }
    }
    if (const Json* format = p.keyword("format"); format != nullptr) {
      const auto name = format->get<std::string>();
      WHET_TRY(const bool matches, match(*format_pattern(name), false, p.at("format"), text));
      if (!matches) return violation(p, "format", fmt::format("expected the format {}", name));
    }
    return Found(std::nullopt);
  }

  Result<bool> match(const std::string& pattern, bool search, const std::string& at,
                     std::string_view text) {
    auto& grammar = patterns_[{pattern, search}];
    if (grammar == nullptr) {
      RuleSet rules;
      RegexOptions options;
      options.search = search;
      auto root = add_regex(rules, pattern, options);
      if (!root.ok()) return schema_error(at, root.error().message());
      auto compiled = Grammar::compile(rules, *root);
      if (!compiled.ok()) return schema_error(at, compiled.error().message());
      grammar = *compiled;
    }
    return grammar->matches(text);
  }

  Found check_array(const Place& p) {
    if (!p.value.is_array()) return Found(std::nullopt);
    WHET_TRY(auto found, check_count(p, p.value.size(), "minItems", "maxItems", "items"));
    if (found.has_value()) return Found(std::move(found));
    const Json* prefix = p.keyword("prefixItems");
    const Json* items = p.keyword("items");
    const size_t n_prefix = prefix == nullptr ? 0 : prefix->size();
    for (size_t i = 0; i < p.value.size(); ++i) {
      const Json* schema = i < n_prefix ? &(*prefix)[i] : items;
      if (schema == nullptr) break;
      const std::string at = i < n_prefix ? pointer_to(p.at("prefixItems"), i) : p.at("items");
      WHET_TRY(auto inner, check(*schema, p.value[i], at, pointer_to(p.value_at, i), p.depth + 1));
      if (inner.has_value()) return Found(std::move(inner));
    }
    return Found(std::nullopt);
  }

  Found check_object(const Place& p) {
    if (!p.value.is_object()) return Found(std::nullopt);
    if (const Json* required = p.keyword("required"); required != nullptr) {
      for (const Json& name : *required) {
        if (!p.value.contains(name.get_ref<const std::string&>())) {
          return violation(p, "required", fmt::format("expected the property {}", name.dump()));
        }
      }
    }
    const Json* properties = p.keyword("properties");
    const Json* additional = p.keyword("additionalProperties");
    for (const auto& [name, value] : p.value.items()) {
      const Json* schema = properties == nullptr ? nullptr : find_member(*properties, name);
      const std::string at =
          schema != nullptr ? pointer_to(p.at("properties"), name) : p.at("additionalProperties");
      if (schema == nullptr) schema = additional;
      if (schema == nullptr) continue;
      WHET_TRY(auto inner, check(*schema, value, at, pointer_to(p.value_at, name), p.depth + 1));
      if (inner.has_value()) return Found(std::move(inner));
    }
    return Found(std::nullopt);
  }

  Found check_all_of(const Place& p) {
    const Json* members = p.keyword("allOf");
    for (size_t i = 0; members != nullptr && i < members->size(); ++i) {
      WHET_TRY(auto inner, check((*members)[i], p.value, pointer_to(p.at("allOf"), i), p.value_at,
                                 p.depth + 1));
      if (inner.has_value()) return Found(std::move(inner));
    }
    return Found(std::nullopt);
  }

  /// How many members the value fits.
  Result<size_t> count_fits(const Place& p, const Json& members, const char* keyword) {
    size_t n = 0;
    for (size_t i = 0; i < members.size(); ++i) {
      WHET_TRY(const auto inner,
               check(members[i], p.value, pointer_to(p.at(keyword), i), p.value_at, p.depth + 1));
      n += inner.has_value() ? 0 : 1;
    }
    return n;
  }

  Found check_any_of(const Place& p) {
    const Json* members = p.keyword("anyOf");
    if (members == nullptr) return Found(std::nullopt);
    WHET_TRY(const size_t n, count_fits(p, *members, "anyOf"));
    if (n > 0) return Found(std::nullopt);
    return violation(p, "anyOf", "expected a value that one of the alternatives admits");
  }

  Found check_one_of(const Place& p) {
    const Json* members = p.keyword("oneOf");
    if (members == nullptr) return Found(std::nullopt);
    WHET_TRY(const size_t n, count_fits(p, *members, "oneOf"));
    if (n == 1) return Found(std::nullopt);
    return violation(
        p, "oneOf", fmt::format("expected a value that exactly one alternative admits, not {}", n));
  }

  const Json& root_;
  std::map<std::pair<std::string, bool>, std::shared_ptr<const Grammar>> patterns_;
  int64_t work_ = 0;
};

}  // namespace

Found validate(const Json& schema, const Json& value) {
  return validate(schema, schema, "", value);
}

Found validate(const Json& root, const Json& schema, const std::string& pointer,
               const Json& value) {
  return Validator(root).check(schema, value, pointer, "", 0);
}

Found validate_text(const Json& schema, std::string_view text) {
  const auto value = parse_json(text, "the text", kMaxValueDepth, RepeatedKeys::kLastCounts);
  if (!value.ok()) return Found(Violation{"", "", value.error().message()});
  return validate(schema, *value);
}

}  // namespace whet::grammar
