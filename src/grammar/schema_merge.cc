#include "grammar/schema_merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "grammar/schema_keywords.h"

namespace whet::grammar {
namespace {

constexpr size_t kMaxAlternatives = 256;
constexpr int kMaxMergeDepth = 40;
constexpr int kMaxMerges = 20'000;

using Merged = Result<std::optional<Json>>;  // none: nothing satisfies both

Json both(const Json& a, const Json& b) {
  return a == b ? a : Json{{"allOf", Json::array({a, b})}};
}

class Flattener {
 public:
  explicit Flattener(const Json& root) : root_(root) {}

  Result<std::vector<Json>> flatten(const Json& schema, const std::string& pointer, int depth) {
    if (depth > kMaxMergeDepth) {
      return schema_error(pointer, fmt::format("more than {} schemas inside one another by $ref, "
                                               "allOf, anyOf and oneOf",
                                               kMaxMergeDepth));
    }
    WHET_TRY_STATUS(check_keywords(schema, pointer));
    if (schema.is_boolean()) {
      return schema == true ? std::vector<Json>{Json::object()} : std::vector<Json>{};
    }
    Json base = Json::object();
    for (const auto& [keyword, value] : schema.items()) {
      const auto& names = constraining_keywords();
      const bool constrains = std::find(names.begin(), names.end(), keyword) != names.end();
      if (constrains && keyword != "$ref" && !keyword.ends_with("Of")) base[keyword] = value;
    }
    if (base.contains("nullable")) {
      if (const auto types = declared_types(base); !types.empty()) base["type"] = types;
      base.erase("nullable");
    }
    std::vector<Json> result{std::move(base)};
    if (const Json* reference = find_member(schema, "$ref")) {
      const auto text = reference->get<std::string>();
      WHET_TRY(const Json* target, resolve_reference(root_, text, pointer));
      WHET_TRY(const auto more, flatten(*target, text.substr(1), depth + 1));
      WHET_TRY(result, product(result, more, pointer));
    }
    if (const Json* members = find_member(schema, "allOf")) {
      for (size_t i = 0; i < members->size(); ++i) {
        const std::string at = pointer_to(pointer_to(pointer, "allOf"), i);
        WHET_TRY(const auto more, flatten((*members)[i], at, depth + 1));
        WHET_TRY(result, product(result, more, at));
      }
    }
    for (const char* keyword : {"anyOf", "oneOf"}) {
      const Json* members = find_member(schema, keyword);
      if (members == nullptr) continue;
      const std::string at = pointer_to(pointer, keyword);
      std::vector<Json> alternatives;
      for (size_t i = 0; i < members->size(); ++i) {
        WHET_TRY(auto more, flatten((*members)[i], pointer_to(at, i), depth + 1));
        std::move(more.begin(), more.end(), std::back_inserter(alternatives));
      }
      WHET_TRY(result, product(result, alternatives, at));
    }
    return result;
  }

 private:
  Result<std::vector<Json>> product(const std::vector<Json>& left, const std::vector<Json>& right,
                                    const std::string& pointer) {
    std::vector<Json> result;
    for (const Json& a : left) {
      for (const Json& b : right) {
        if (++n_merges_ > kMaxMerges) {
          return schema_error(pointer, "too many combinations of alternatives");
        }
        WHET_TRY(auto merged, merge(a, b, pointer));
        if (merged.has_value()) result.push_back(std::move(*merged));
        if (result.size() > kMaxAlternatives) {
          return schema_error(
              pointer, fmt::format("more than {} combinations of alternatives", kMaxAlternatives));
        }
      }
    }
    return result;
  }

  Merged merge(const Json& a, const Json& b, const std::string& pointer) {
    Json result = a;
    // First what depends on other keywords of both sides.
    for (auto [from, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      const bool has_prefix = from->contains("prefixItems");
      if (has_prefix && (other->contains("prefixItems") || other->contains("items"))) {
        return schema_error(pointer, "prefixItems cannot be combined with items of another schema");
      }
    }
    merge_properties(a, b, result);
    for (const auto& [keyword, value] : b.items()) {
      if (keyword == "properties" || keyword == "additionalProperties") continue;
      if (!result.contains(keyword)) {
        result[keyword] = value;
        continue;
      }
      Json& mine = result[keyword];
      if (mine == value) continue;
      if (keyword == "type") {
        const Json common = common_types(a, b);
        if (common.empty()) return Merged(std::nullopt);
        mine = common;
      } else if (keyword == "required") {
        for (const Json& name : value) {
          if (std::find(mine.begin(), mine.end(), name) == mine.end()) mine.push_back(name);
        }
      } else if (keyword.starts_with("min") || keyword == "exclusiveMinimum") {
        if (value > mine) mine = value;
      } else if (keyword.starts_with("max") || keyword == "exclusiveMaximum") {
        if (value < mine) mine = value;
      } else if (keyword == "items") {
        mine = both(mine, value);
      } else if (keyword == "enum") {
        Json common = Json::array();
        for (const Json& one : mine) {
          if (std::find(value.begin(), value.end(), one) != value.end()) common.push_back(one);
        }
        if (common.empty()) return Merged(std::nullopt);
        mine = std::move(common);
      } else if (keyword == "const") {
        return Merged(std::nullopt);
      } else {
        return schema_error(pointer,
                            fmt::format("two different values of {} cannot be combined", keyword));
      }
    }
    return Merged(std::move(result));
  }

  /// A property that only one side names must suit the other side's additionalProperties.
  static void merge_properties(const Json& a, const Json& b, Json& result) {
    Json properties = Json::object();
    for (auto [from, other] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
      const Json* mine = find_member(*from, "properties");
      const Json* theirs = find_member(*other, "properties");
      const Json* rest = find_member(*other, "additionalProperties");
      if (mine == nullptr) continue;
      for (const auto& [name, schema] : mine->items()) {
        if (properties.contains(name)) continue;
        const Json* same = theirs == nullptr ? nullptr : find_member(*theirs, name);
        if (same == nullptr) same = rest;
        properties[name] = same == nullptr || *same == true ? schema
                           : *same == false                 ? Json(false)
                                                            : both(schema, *same);
      }
    }
    if (a.contains("properties") || b.contains("properties")) {
      result["properties"] = std::move(properties);
    }
    const Json* mine = find_member(a, "additionalProperties");
    const Json* theirs = find_member(b, "additionalProperties");
    if (mine == nullptr) mine = theirs;
    if (theirs == nullptr) theirs = mine;
    if (mine == nullptr) return;
    result["additionalProperties"] = *mine == false || *theirs == false ? Json(false)
                                     : *mine == true                    ? *theirs
                                     : *theirs == true                  ? *mine
                                                                        : both(*mine, *theirs);
  }

  static Json common_types(const Json& a, const Json& b) {
    const auto left = declared_types(a), right = declared_types(b);
    auto in = [](const std::vector<std::string>& types, const std::string& type) {
      return std::find(types.begin(), types.end(), type) != types.end();
    };
    Json common = Json::array();
    for (const char* name : {"null", "boolean", "object", "array", "number", "integer", "string"}) {
      const std::string type = name;
      auto admits = [&](const std::vector<std::string>& types) {
        return in(types, type) || (type == "integer" && in(types, "number"));
      };
      // What number admits as integers is said by number already.
      if (admits(left) && admits(right) &&
          !(type == "integer" && in(left, "number") && in(right, "number"))) {
        common.push_back(type);
      }
    }
    return common;
  }

  const Json& root_;
  int n_merges_ = 0;
};

}  // namespace

Result<std::vector<Json>> flatten(const Json& root, const Json& schema,
                                  const std::string& pointer) {
  return Flattener(root).flatten(schema, pointer, 0);
}

}  // namespace whet::grammar
