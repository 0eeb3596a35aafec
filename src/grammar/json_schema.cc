#include "grammar/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>

#include "grammar/json_rules.h"
#include "grammar/number_range.h"
#include "grammar/regex.h"
#include "grammar/schema_keywords.h"
#include "grammar/schema_merge.h"
#include "grammar/schema_validator.h"
#include "grammar/string_format.h"

namespace whet::grammar {
namespace {

constexpr size_t kMaxSchemaBytes = size_t{1} << 20;
constexpr size_t kMaxExpressions = 1'000'000;
constexpr size_t kMaxBoundDigits = 40;
// A double keeps the order of decimals with so many digits, so bounds of fractions are exact.
constexpr size_t kMaxFractionBoundDigits = 15;

class Compiler {
 public:
  Compiler(RuleSet& rules, const Json& root) : rules_(rules), json_(rules), root_(root) {}

  Result<ExprId> compile() {
    WHET_TRY(const ExprId whole, referenced(""));
    // Targets of references, and what those refer to: a queue instead of recursion.
    while (!open_.empty()) {
      const Target target = open_.front();
      open_.pop_front();
      WHET_TRY(const ExprId body, value(*target.schema, target.pointer, 0));
      rules_.define(target.rule, body);
    }
    return whole;
  }

 private:
  struct Target {
    const Json* schema;
    std::string pointer;
    RuleId rule;
  };

  /// A call of the rule of the schema at a pointer.
  Result<ExprId> referenced(const std::string& pointer, const std::string& from = "") {
    const auto known = by_pointer_.find(pointer);
    if (known != by_pointer_.end()) return rules_.call(known->second);
    WHET_TRY(const Json* schema, resolve_reference(root_, "#" + pointer, from));
    const RuleId rule = rules_.declare("#" + pointer);
    by_pointer_[pointer] = rule;
    open_.push_back({schema, pointer, rule});
    return rules_.call(rule);
  }

  Error contradiction(const std::string& pointer, std::string_view why) {
    found_contradiction_ = true;
    return schema_error(pointer, fmt::format("no value satisfies this: {}", why));
  }

  Result<ExprId> value(const Json& schema, const std::string& pointer, int depth) {
    if (depth > kMaxSchemaDepth) {
      return schema_error(pointer, fmt::format("nested deeper than {} schemas", kMaxSchemaDepth));
    }
    if (rules_.n_expressions() > kMaxExpressions) {
      return schema_error(pointer, "the schema is too large");
    }
    WHET_TRY_STATUS(check_keywords(schema, pointer));
    if (schema.is_boolean()) {
      if (schema == false) return contradiction(pointer, "the schema is false");
      return json_.any_value();
    }
    const auto constraints = constraints_of(schema);
    if (constraints.size() == 1) {
      if (constraints[0] == "$ref") {
        return referenced(schema["$ref"].get<std::string>().substr(1), pointer, schema);
      }
      if (constraints[0] == "anyOf" || constraints[0] == "oneOf") {
        return any_of(schema[constraints[0]], pointer_to(pointer, constraints[0]), depth);
      }
      if (constraints[0] == "allOf" && schema["allOf"].size() == 1) {
        return value(schema["allOf"][0], pointer_to(pointer_to(pointer, "allOf"), 0), depth + 1);
      }
    }
    const bool is_flat = std::none_of(
        constraints.begin(), constraints.end(),
        [](const std::string& name) { return name == "$ref" || name.ends_with("Of"); });
    if (is_flat) return flat(schema, pointer, depth);
    WHET_TRY(const auto alternatives, flatten(root_, schema, pointer));
    return first_possible(alternatives, pointer, depth);
  }

  /// Alternatives that came of combining schemas: those that contradict themselves fall away.
  Result<ExprId> first_possible(const std::vector<Json>& alternatives, const std::string& pointer,
                                int depth) {
    std::vector<ExprId> found;
    Error last = contradiction(pointer, "its parts exclude each other");
    for (const Json& alternative : alternatives) {
      found_contradiction_ = false;
      auto one = flat(alternative, pointer, depth + 1);
      if (one.ok()) {
        found.push_back(*one);
      } else if (found_contradiction_) {
        last = one.error();
      } else {
        return one.error();
      }
    }
    if (found.empty()) return last;
    found_contradiction_ = false;
    return rules_.any_of(std::move(found));
  }

  Result<ExprId> referenced(const std::string& target, const std::string& pointer,
                            const Json& schema) {
    WHET_TRY_STATUS(resolve_reference(root_, schema["$ref"].get<std::string>(), pointer));
    return referenced(target, pointer);
  }

  Result<ExprId> any_of(const Json& members, const std::string& pointer, int depth) {
    std::vector<ExprId> alternatives;
    for (size_t i = 0; i < members.size(); ++i) {
      if (members[i] == false) continue;
      WHET_TRY(const ExprId one, value(members[i], pointer_to(pointer, i), depth + 1));
      alternatives.push_back(one);
    }
    if (alternatives.empty()) return contradiction(pointer, "all alternatives are false");
    return rules_.any_of(std::move(alternatives));
  }

  static std::vector<std::string> constraints_of(const Json& schema) {
    std::vector<std::string> found;
    const auto& names = constraining_keywords();
    for (const auto& member : schema.items()) {
      if (std::find(names.begin(), names.end(), member.key()) != names.end()) {
        found.push_back(member.key());
      }
    }
    return found;
  }

  /// A schema without combinators.
  Result<ExprId> flat(const Json& schema, const std::string& pointer, int depth) {
    if (schema.contains("enum") || schema.contains("const")) return listed(schema, pointer);
    std::vector<ExprId> alternatives;
    for (const std::string& type : types_of(schema)) {
      if (type == "any") return json_.any_value();
      if (type == "null") {
        alternatives.push_back(json_.null());
      } else if (type == "boolean") {
        alternatives.push_back(json_.boolean());
      } else if (type == "string") {
        WHET_TRY(const ExprId one, string(schema, pointer));
        alternatives.push_back(one);
      } else if (type == "array") {
        WHET_TRY(const ExprId one, array(schema, pointer, depth));
        alternatives.push_back(one);
      } else if (type == "object") {
        WHET_TRY(const ExprId one, object(schema, pointer, depth));
        alternatives.push_back(one);
      } else {
        WHET_TRY(const ExprId one, number(schema, pointer, type == "integer"));
        alternatives.push_back(one);
      }
    }
    return rules_.any_of(std::move(alternatives));
  }

  /// The declared types, or those that the keywords speak of; "any" if they speak of none.
  static std::vector<std::string> types_of(const Json& schema) {
    auto types = declared_types(schema);
    if (!types.empty()) return types;
    static const std::vector<std::pair<const char*, std::vector<const char*>>> speaks_of{
        {"object", {"properties", "required", "additionalProperties"}},
        {"array", {"items", "prefixItems", "minItems", "maxItems"}},
        {"string", {"minLength", "maxLength", "pattern", "format"}},
        {"number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}}};
    for (const auto& [type, keywords] : speaks_of) {
      if (std::any_of(keywords.begin(), keywords.end(),
                      [&](const char* keyword) { return schema.contains(keyword); })) {
        types.emplace_back(type);
      }
    }
    if (types.empty()) types.emplace_back("any");
    return types;
  }

  /// The listed values that the rest of the schema admits.
  Result<ExprId> listed(const Json& schema, const std::string& pointer) {
    const bool has_list = schema.contains("enum");
    const Json values = has_list ? schema["enum"] : Json::array({schema["const"]});
    std::vector<std::string> scalars;
    std::vector<ExprId> alternatives;
    for (const Json& one : values) {
      WHET_TRY(const auto violation, validate(root_, schema, pointer, one));
      if (violation.has_value()) continue;
      if (one.is_structured()) {
        WHET_TRY(const ExprId spelled, spelled_out(one, pointer, 0));
        alternatives.push_back(spelled);
      } else {
        scalars.push_back(one.dump());
      }
    }
    if (!scalars.empty()) alternatives.push_back(rules_.literals(std::move(scalars)));
    if (alternatives.empty()) {
      return contradiction(pointer_to(pointer, has_list ? "enum" : "const"),
                           "the other keywords exclude every value of it");
    }
    return rules_.any_of(std::move(alternatives));
  }

  Result<ExprId> spelled_out(const Json& value, const std::string& pointer, int depth) {
    if (depth > kMaxSchemaDepth) {
      return schema_error(pointer, fmt::format("a value nested deeper than {}", kMaxSchemaDepth));
    }
    if (!value.is_structured()) return rules_.literal(value.dump());
    const bool is_object = value.is_object();
    std::vector<ExprId> parts{rules_.literal(is_object ? "{" : "["), json_.space()};
    bool is_first = true;
    for (const auto& [key, inner] : value.items()) {
      if (!is_first) {
        parts.push_back(rules_.literal(","));
        parts.push_back(json_.space());
      }
      is_first = false;
      WHET_TRY(const ExprId spelled, spelled_out(inner, pointer, depth + 1));
      if (is_object) {
        parts.push_back(json_.member(rules_.literal(Json(key).dump()), spelled));
      } else {
        parts.push_back(spelled);
        parts.push_back(json_.space());
      }
    }
    parts.push_back(rules_.literal(is_object ? "}" : "]"));
    return rules_.sequence(std::move(parts));
  }

  static std::optional<uint32_t> count(const Json& schema, const char* keyword) {
    const Json* value = find_member(schema, keyword);
    if (value == nullptr) return std::nullopt;
    return value->get<uint32_t>();
  }

  Result<ExprId> string(const Json& schema, const std::string& pointer) {
    const uint32_t min = count(schema, "minLength").value_or(0);
    const auto max = count(schema, "maxLength");
    if (max.has_value() && *max < min) {
      return contradiction(pointer_to(pointer, "minLength"),
                           fmt::format("minLength {} is above maxLength {}", min, *max));
    }
    std::vector<std::string> kinds;
    for (const char* keyword : {"pattern", "format"}) {
      if (schema.contains(keyword)) kinds.emplace_back(keyword);
    }
    if (min > 0 || max.has_value()) kinds.emplace_back("minLength or maxLength");
    if (kinds.size() > 1) {
      return schema_error(
          pointer, fmt::format("{} cannot be combined in one schema", fmt::join(kinds, " and ")));
    }
    if (kinds.empty()) return json_.any_string();
    ExprId content{};
    if (kinds[0] == "pattern" || kinds[0] == "format") {
      const auto text = schema[kinds[0]].get<std::string>();
      const bool is_pattern = kinds[0] == "pattern";
      RegexOptions options;
      options.spell = spell_in_json;
      options.search = is_pattern;
      auto body = add_regex(rules_, is_pattern ? text : *format_pattern(text), options);
      if (!body.ok()) {
        return schema_error(pointer_to(pointer, kinds[0]), body.error().message());
      }
      content = *body;
    } else {
      content = rules_.repeat(json_.any_character(), min, max);
    }
    return rules_.sequence({rules_.literal("\""), content, rules_.literal("\"")});
  }

  Result<ExprId> number(const Json& schema, const std::string& pointer, bool integer) {
    NumberRange range;
    range.integer = integer;
    auto take = [&](const char* keyword, bool exclusive, bool is_low) -> Status {
      const Json* limit = find_member(schema, keyword);
      if (limit == nullptr) return ok_status();
      Bound bound{decimal_of(*limit), exclusive};
      const size_t n_digits = bound.value.whole.size() + bound.value.fraction.size();
      const size_t most = integer ? kMaxBoundDigits : kMaxFractionBoundDigits;
      if (n_digits > most) {
        return schema_error(
            pointer_to(pointer, keyword),
            fmt::format("expected a bound of at most {} digits, found {}", most, limit->dump()));
      }
      std::optional<Bound>& current = is_low ? range.low : range.high;
      // The stricter of the inclusive and the exclusive bound.
      if (current.has_value()) {
        const Json* other = find_member(schema, is_low ? "minimum" : "maximum");
        const bool stricter = is_low ? *limit >= *other : *limit <= *other;
        if (!stricter) return ok_status();
      }
      current = std::move(bound);
      return ok_status();
    };
    WHET_TRY_STATUS(take("minimum", false, true));
    WHET_TRY_STATUS(take("exclusiveMinimum", true, true));
    WHET_TRY_STATUS(take("maximum", false, false));
    WHET_TRY_STATUS(take("exclusiveMaximum", true, false));
    if (!range.low.has_value() && !range.high.has_value()) {
      return integer ? json_.any_integer() : json_.any_number();
    }
    if (const auto found = add_number_range(rules_, range)) return *found;
    return contradiction(pointer, integer ? "no integer lies between its bounds"
                                          : "no number lies between its bounds");
  }

  Result<ExprId> array(const Json& schema, const std::string& pointer, int depth) {
    const Json* prefix = find_member(schema, "prefixItems");
    const Json* items = find_member(schema, "items");
    const uint32_t min = count(schema, "minItems").value_or(0);
    auto max = count(schema, "maxItems");
    if (max.has_value() && *max < min) {
      return contradiction(pointer_to(pointer, "minItems"),
                           fmt::format("minItems {} is above maxItems {}", min, *max));
    }
    std::vector<ExprId> elements;
    for (size_t i = 0; prefix != nullptr && i < prefix->size(); ++i) {
      if (max.has_value() && elements.size() == *max) break;
      const std::string at = pointer_to(pointer_to(pointer, "prefixItems"), i);
      if ((*prefix)[i] == false && i >= min) break;  // arrays end before it
      WHET_TRY(const ExprId element, part((*prefix)[i], at, depth));
      elements.push_back(element);
    }
    const auto n_prefix = static_cast<uint32_t>(elements.size());
    const bool cut_short = prefix != nullptr && n_prefix < prefix->size();
    // Behind a prefix, items that nothing describes are written only where they must be.
    const bool only_needed = items == nullptr && prefix != nullptr;
    if (cut_short || (items != nullptr && *items == false)) max = n_prefix;
    if (only_needed) max = std::min(max.value_or(std::max(n_prefix, min)), std::max(n_prefix, min));
    if (max.has_value() && *max < min) {
      return contradiction(pointer_to(pointer, "minItems"),
                           fmt::format("minItems is {}, and only {} items may be", min, *max));
    }
    ExprId rest = rules_.empty();  // behind the first n_prefix items
    std::optional<ExprId> item;
    if (!max.has_value() || *max > n_prefix) {
      if (items == nullptr) {
        item = json_.any_value();
      } else {
        WHET_TRY(item, part(*items, pointer_to(pointer, "items"), depth));
      }
    }
    auto element_and_space = [&](ExprId element) {
      return rules_.sequence({element, json_.space()});
    };
    auto with_comma = [&](ExprId element) {
      return rules_.sequence({rules_.literal(","), json_.space(), element_and_space(element)});
    };
    uint32_t position = n_prefix;  // of what `rest` begins with
    if (item.has_value()) {
      // The first item has no comma if there is no prefix.
      const uint32_t before = std::max(n_prefix, 1u);
      const auto at_most = max.has_value() ? std::optional(*max - before) : std::nullopt;
      rest = rules_.repeat(with_comma(*item), min > before ? min - before : 0, at_most);
      if (n_prefix == 0) {
        elements.push_back(*item);
        position = 1;
      }
    }
    while (position > 1) {
      --position;
      rest = rules_.sequence({with_comma(elements[position]), rest});
      if (position >= min) rest = rules_.optional(rest);
      rest = rules_.call(rules_.add_rule("#" + pointer, rest));
    }
    if (position == 1) {
      rest = rules_.sequence({element_and_space(elements[0]), rest});
      if (min == 0) rest = rules_.optional(rest);
    }
    return rules_.sequence({rules_.literal("["), json_.space(), rest, rules_.literal("]")});
  }

  /// The schema of a property or item, as a rule of its own.
  Result<ExprId> part(const Json& schema, const std::string& pointer, int depth) {
    WHET_TRY(const ExprId body, value(schema, pointer, depth + 1));
    return rules_.call(rules_.add_rule("#" + pointer, body));
  }

  struct Property {
    std::string name;
    ExprId member;
    bool required;
  };

  Result<ExprId> object(const Json& schema, const std::string& pointer, int depth) {
    const Json* described = find_member(schema, "properties");
    const Json* additional = find_member(schema, "additionalProperties");
    std::map<std::string, bool> required;  // by name; true once it has been described
    if (const Json* names = find_member(schema, "required")) {
      for (const Json& name : *names) required[name.get<std::string>()] = false;
    }
    std::vector<Property> properties;
    std::vector<std::string> names;
    auto add = [&](const std::string& name, const Json& inner, const std::string& at) -> Status {
      names.push_back(name);
      const auto must = required.find(name);
      if (must != required.end()) must->second = true;
      if (inner == false && must == required.end()) return ok_status();
      WHET_TRY(const ExprId body, part(inner, at, depth));
      const ExprId key = rules_.literal(Json(name).dump());
      const RuleId member = rules_.add_rule("#" + at, json_.member(key, body));
      properties.push_back({name, rules_.call(member), must != required.end()});
      return ok_status();
    };
    if (described != nullptr) {
      for (const auto& [name, inner] : described->items()) {
        WHET_TRY_STATUS(add(name, inner, pointer_to(pointer_to(pointer, "properties"), name)));
      }
    }
    // Required properties that nothing describes come behind the others.
    if (const Json* must = find_member(schema, "required")) {
      const Json anything = true;
      for (const Json& entry : *must) {
        const auto name = entry.get<std::string>();
        if (required[name]) continue;
        if (additional != nullptr && *additional == false) {
          return contradiction(
              pointer_to(pointer, "required"),
              fmt::format("{} is required, and additionalProperties is false", entry.dump()));
        }
        const Json& inner = additional == nullptr ? anything : *additional;
        WHET_TRY_STATUS(add(name, inner, pointer_to(pointer, "additionalProperties")));
      }
    }
    // Where properties are described, others are written only if the schema says so.
    std::optional<ExprId> other;
    const bool is_open = additional == nullptr ? described == nullptr : *additional != false;
    if (is_open) {
      ExprId inner = json_.any_value();
      if (additional != nullptr) {
        WHET_TRY(inner, part(*additional, pointer_to(pointer, "additionalProperties"), depth));
      }
      other = json_.member(json_.other_key(names), inner);
    }
    return members(properties, other, pointer);
  }

  /// The properties in their order, those that are not required may be left out, then others. Two
  /// chains of rules: before the first member has been written, and behind it, where a comma comes
  /// first.
  Result<ExprId> members(const std::vector<Property>& properties, std::optional<ExprId> other,
                         const std::string& pointer) {
    ExprId first = rules_.empty(), more = rules_.empty();
    const ExprId comma = rules_.sequence({rules_.literal(","), json_.space()});
    if (other.has_value()) {
      const ExprId next = rules_.sequence({comma, *other});
      more = rules_.repeat(next, 0, std::nullopt);
      more = rules_.call(rules_.add_rule("#" + pointer, more));
      first = rules_.optional(rules_.sequence({*other, more}));
    }
    for (auto property = properties.rbegin(); property != properties.rend(); ++property) {
      const ExprId as_first = rules_.sequence({property->member, more});
      const ExprId as_more = rules_.sequence({comma, property->member, more});
      first = property->required ? as_first : rules_.any_of({as_first, first});
      more = property->required ? as_more : rules_.any_of({as_more, more});
      first = rules_.call(rules_.add_rule("#" + pointer, first));
      more = rules_.call(rules_.add_rule("#" + pointer, more));
    }
    return rules_.sequence({rules_.literal("{"), json_.space(), first, rules_.literal("}")});
  }

  RuleSet& rules_;
  JsonRules json_;
  const Json& root_;
  std::map<std::string, RuleId> by_pointer_;
  std::deque<Target> open_;
  bool found_contradiction_ = false;
};

}  // namespace

Result<Json> parse_json_schema(std::string_view text) {
  if (text.size() > kMaxSchemaBytes) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("JSON schema: {} bytes, more than {}", text.size(), kMaxSchemaBytes));
  }
  // Two levels of JSON for each of a schema's, as in "properties" and a name.
  return parse_json(text, "JSON schema", 2 * kMaxSchemaDepth + 50);
}

Result<ExprId> add_json_schema(RuleSet& rules, const Json& schema) {
  return Compiler(rules, schema).compile();
}

Result<std::shared_ptr<const Grammar>> json_schema_grammar(const Json& schema) {
  RuleSet rules;
  WHET_TRY(const ExprId root, add_json_schema(rules, schema));
  auto compiled = Grammar::compile(rules, root);
  if (!compiled.ok()) return compiled.error().with_context("JSON schema");
  return compiled;
}

std::shared_ptr<const Grammar> json_object_grammar() {
  RuleSet rules;
  const ExprId root = JsonRules(rules).any_object();
  return Grammar::compile(rules, root).value();
}

}  // namespace whet::grammar
