#include "grammar/json_rules.h"

#include <fmt/format.h>

#include <map>

#include "base/check.h"
#include "grammar/number_range.h"
#include "token/utf8.h"

namespace whet::grammar {
namespace {

const CodePoints kEscaped{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};

/// As JSON printers write it.
std::string escape_of(char32_t c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
  }
}

}  // namespace

ExprId spell_in_json(RuleSet& rules, const CodePoints& set) {
  std::vector<ExprId> alternatives{rules.one_of(set.without(kEscaped))};
  std::vector<std::string> escapes;
  for (const auto& range : kEscaped.ranges()) {
    for (char32_t c = range.low; c <= range.high; ++c) {
      if (set.contains(c)) escapes.push_back(escape_of(c));
    }
  }
  if (!escapes.empty()) alternatives.push_back(rules.literals(std::move(escapes)));
  return rules.any_of(std::move(alternatives));
}

ExprId JsonRules::named(std::optional<RuleId>& rule, const char* name,
                        ExprId (JsonRules::*body)()) {
  if (!rule.has_value()) {
    rule = rules_.declare(name);
    rules_.define(*rule, (this->*body)());
  }
  return rules_.call(*rule);
}

ExprId JsonRules::space() {
  return named(space_, "space", &JsonRules::space_body);
}
ExprId JsonRules::any_value() {
  return named(value_, "JSON value", &JsonRules::value_body);
}
ExprId JsonRules::any_object() {
  return named(object_, "JSON object", &JsonRules::object_body);
}
ExprId JsonRules::any_array() {
  return named(array_, "JSON array", &JsonRules::array_body);
}
ExprId JsonRules::any_string() {
  return named(string_, "JSON string", &JsonRules::string_body);
}
ExprId JsonRules::any_character() {
  return named(character_, "JSON character", &JsonRules::character_body);
}
ExprId JsonRules::any_integer() {
  return named(integer_, "JSON integer", &JsonRules::integer_body);
}
ExprId JsonRules::any_number() {
  return named(number_, "JSON number", &JsonRules::number_body);
}

ExprId JsonRules::space_body() {
  const ExprId indent = rules_.one_of(CodePoints{{' ', ' '}, {'\t', '\t'}});
  return rules_.any_of({rules_.empty(), rules_.literal(" "),
                        rules_.sequence({rules_.literal("\n"), rules_.repeat(indent, 0, 20)})});
}

ExprId JsonRules::value_body() {
  return rules_.any_of({any_object(), any_array(), any_string(), any_number(), boolean(), null()});
}

ExprId JsonRules::object_body() {
  return list("{", member(any_string(), any_value()), "}");
}

ExprId JsonRules::array_body() {
  return list("[", rules_.sequence({any_value(), space()}), "]");
}

ExprId JsonRules::list(std::string_view open, ExprId item, std::string_view close) {
  const ExprId more = rules_.sequence({rules_.literal(","), space(), item});
  const ExprId items = rules_.sequence({item, rules_.repeat(more, 0, std::nullopt)});
  return rules_.sequence(
      {rules_.literal(open), space(), rules_.optional(items), rules_.literal(close)});
}

ExprId JsonRules::member(ExprId key, ExprId value) {
  return rules_.sequence({key, space(), rules_.literal(":"), space(), value, space()});
}

ExprId JsonRules::string_body() {
  return rules_.sequence({rules_.literal("\""), rules_.repeat(any_character(), 0, std::nullopt),
                          rules_.literal("\"")});
}

ExprId JsonRules::character_body() {
  auto hex = [&](uint32_t n) {
    return rules_.repeat(rules_.one_of(CodePoints{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}), n, n);
  };
  auto one = [&](CodePoints set) { return rules_.one_of(std::move(set)); };
  const CodePoints d{{'d', 'd'}, {'D', 'D'}};
  // Surrogates only in pairs: one alone is no character, and readers refuse it.
  const ExprId basic = rules_.any_of(
      {rules_.sequence({one({{'0', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}}), hex(3)}),
       rules_.sequence({one(d), one({{'0', '7'}}), hex(2)})});
  const ExprId pair =
      rules_.sequence({one(d), one({{'8', '9'}, {'A', 'B'}, {'a', 'b'}}), hex(2),
                       rules_.literal("\\u"), one(d), one({{'C', 'F'}, {'c', 'f'}}), hex(2)});
  const ExprId escapes =
      rules_.literals({"\\\"", "\\\\", "\\/", "\\b", "\\f", "\\n", "\\r", "\\t"});
  return rules_.any_of({one(kEscaped.complement()), escapes,
                        rules_.sequence({rules_.literal("\\u"), rules_.any_of({basic, pair})})});
}

ExprId JsonRules::integer_body() {
  const ExprId digit = rules_.one_of(CodePoints{{'0', '9'}});
  return rules_.sequence(
      {rules_.optional(rules_.literal("-")),
       rules_.any_of({rules_.literal("0"),
                      rules_.sequence({rules_.one_of(CodePoints{{'1', '9'}}),
                                       rules_.repeat(digit, 0, kMaxWholeDigits - 1)})})});
}

ExprId JsonRules::number_body() {
  const ExprId digit = rules_.one_of(CodePoints{{'0', '9'}});
  const ExprId fraction = rules_.sequence({rules_.literal("."), rules_.repeat(digit, 1, 18)});
  const ExprId exponent =
      rules_.sequence({rules_.one_of(CodePoints{{'E', 'E'}, {'e', 'e'}}),
                       rules_.optional(rules_.one_of(CodePoints{{'+', '+'}, {'-', '-'}})),
                       rules_.repeat(digit, 1, 2)});
  return rules_.sequence({any_integer(), rules_.optional(fraction), rules_.optional(exponent)});
}

ExprId JsonRules::other_key(const std::vector<std::string>& names) {
  if (names.empty()) return any_string();
  // A trie of the names by characters. Where a key leaves it, or ends inside it, it is another.
  struct Node {
    std::map<char32_t, size_t> next;
    bool is_name = false;
    RuleId rule;
  };
  std::vector<Node> nodes;
  auto add_node = [&] {
    nodes.push_back({{}, false, rules_.declare("JSON key")});
    return nodes.size() - 1;
  };
  add_node();
  for (const std::string& name : names) {
    size_t at = 0;
    for (std::string_view rest = name; !rest.empty();) {
      const Utf8Char c = first_utf8_char(rest);
      rest.remove_prefix(c.length);
      if (c.state != Utf8Char::State::kValid) break;
      auto next = nodes[at].next.find(c.code_point);
      if (next == nodes[at].next.end()) {
        const size_t made = add_node();
        next = nodes[at].next.emplace(c.code_point, made).first;
      }
      at = next->second;
    }
    nodes[at].is_name = true;
  }
  // Without \u and \/, so that each key has one spelling.
  CodePoints usable = CodePoints{{0, 0x1F}}.complement();
  usable.add(CodePoints{{'\b', '\n'}, {'\f', '\r'}});
  const RuleId any =
      rules_.add_rule("JSON key", rules_.repeat(spell_in_json(rules_, usable), 0, std::nullopt));
  for (const Node& node : nodes) {
    std::vector<ExprId> alternatives;
    if (!node.is_name) alternatives.push_back(rules_.empty());
    std::vector<CodePoints::Range> taken;
    for (auto [c, next] : node.next) {
      taken.push_back({c, c});
      if (usable.contains(c)) {
        alternatives.push_back(rules_.sequence(
            {spell_in_json(rules_, CodePoints{{c, c}}), rules_.call(nodes[next].rule)}));
      }
    }
    alternatives.push_back(rules_.sequence(
        {spell_in_json(rules_, usable.without(CodePoints(taken))), rules_.call(any)}));
    rules_.define(node.rule, rules_.any_of(std::move(alternatives)));
  }
  return rules_.sequence({rules_.literal("\""), rules_.call(nodes[0].rule), rules_.literal("\"")});
}

}  // namespace whet::grammar
