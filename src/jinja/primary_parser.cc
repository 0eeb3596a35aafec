// Parses what expressions are made of: names, literals, tuples; and the targets of assignments.
#include <algorithm>

#include "jinja/expression_parser.h"
#include "jinja/number.h"

namespace whet::jinja {

Result<ExprPtr> ExpressionParser::primary() {
  const Token& token = tokens_.current();
  switch (token.kind) {
    case TokenKind::kName:
      return name();
    case TokenKind::kString:
      return text();
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return number();
    default:
      if (token.is_operator("(")) return parenthesized();
      if (token.is_operator("[")) return list();
      if (token.is_operator("{")) return dict();
      return tokens_.unexpected("an expression");
  }
}

Result<ExprPtr> ExpressionParser::name() {
  const Token& token = tokens_.take();
  if (token.text == "true" || token.text == "True")
    return make(token.at, Literal{Value::boolean(true)}, 0);
  if (token.text == "false" || token.text == "False")
    return make(token.at, Literal{Value::boolean(false)}, 0);
  if (token.text == "none" || token.text == "None")
    return make(token.at, Literal{Value(None{})}, 0);
  for (auto& use : open_macros) {
    use.caller = use.caller || token.text == "caller";
    use.varargs = use.varargs || token.text == "varargs";
    use.kwargs = use.kwargs || token.text == "kwargs";
  }
  return make(token.at, Name{token.text}, 0);
}

Result<ExprPtr> ExpressionParser::number() {
  const Token& token = tokens_.take();
  if (token.kind == TokenKind::kFloat) {
    return make(token.at, Literal{Value(parse_real(token.text).value_or(0))}, 0);
  }
  const auto integer = parse_integer(token.text, 0);
  if (!integer) return error_at(token.at, "the number does not fit an int of 64 bits");
  return make(token.at, Literal{Value(*integer)}, 0);
}

Result<ExprPtr> ExpressionParser::text() {
  const Position at = tokens_.current().at;
  std::string joined;
  while (tokens_.current().kind == TokenKind::kString) joined += tokens_.take().text;
  return make(at, Literal{Value::constant_text(std::move(joined))}, 0);
}

Result<ExprPtr> ExpressionParser::list() {
  const Position at = tokens_.take().at;
  ListLiteral list{{}, false};
  while (!tokens_.current().is_operator("]")) {
    if (!list.items.empty()) {
      WHET_TRY_STATUS(tokens_.expect_operator(","));
      if (tokens_.current().is_operator("]")) break;
    }
    WHET_TRY(auto item, expression());
    list.items.push_back(std::move(item));
  }
  WHET_TRY_STATUS(tokens_.expect_operator("]"));
  const int depth = deepest(list.items);
  return make(at, std::move(list), depth);
}

Result<ExprPtr> ExpressionParser::dict() {
  const Position at = tokens_.take().at;
  DictLiteral dict;
  int depth = 0;
  while (!tokens_.current().is_operator("}")) {
    if (!dict.entries.empty()) {
      WHET_TRY_STATUS(tokens_.expect_operator(","));
      if (tokens_.current().is_operator("}")) break;
    }
    WHET_TRY(auto key, expression());
    WHET_TRY_STATUS(tokens_.expect_operator(":"));
    WHET_TRY(auto value, expression());
    depth = std::max(depth, deepest({&key, &value}));
    dict.entries.emplace_back(std::move(key), std::move(value));
  }
  WHET_TRY_STATUS(tokens_.expect_operator("}"));
  return make(at, std::move(dict), depth);
}

Result<ExprPtr> ExpressionParser::parenthesized() {
  const Position at = tokens_.take().at;
  if (tokens_.skip_operator(")")) return make(at, ListLiteral{{}, true}, 0);
  WHET_TRY(auto inner, expression_list());
  WHET_TRY_STATUS(tokens_.expect_operator(")"));
  return inner;
}

Result<ExprPtr> ExpressionParser::expression_list(bool allow_conditional) {
  const Position at = tokens_.current().at;
  auto next = [&] { return allow_conditional ? expression() : unconditional(); };
  WHET_TRY(auto first, next());
  if (!tokens_.current().is_operator(",")) return first;
  ListLiteral tuple{{std::move(first)}, true};
  while (tokens_.skip_operator(",")) {
    const Token& token = tokens_.current();
    const bool ends = token.kind == TokenKind::kTagEnd || token.kind == TokenKind::kOutputEnd ||
                      token.is_operator(")");
    if (ends) break;
    WHET_TRY(auto item, next());
    tuple.items.push_back(std::move(item));
  }
  const int depth = deepest(tuple.items);
  return make(at, std::move(tuple), depth);
}

Result<Target> ExpressionParser::single_target(bool allow_attribute) {
  const NestingLevel level(tokens_);
  WHET_TRY_STATUS(level.check());
  Target target;
  target.at = tokens_.current().at;
  if (tokens_.skip_operator("(")) {
    WHET_TRY(target, this->target(allow_attribute));
    WHET_TRY_STATUS(tokens_.expect_operator(")"));
    return target;
  }
  WHET_TRY(target.name, tokens_.expect_any_name("a name to assign to"));
  for (std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
    if (target.name == constant)
      return error_at(target.at, fmt::format("cannot assign to '{}'", constant));
  }
  if (allow_attribute && tokens_.skip_operator(".")) {
    target.kind = Target::Kind::kAttribute;
    WHET_TRY(target.attribute, tokens_.expect_any_name("an attribute's name"));
  }
  return target;
}

Result<Target> ExpressionParser::target(bool allow_attribute) {
  WHET_TRY(auto first, single_target(allow_attribute));
  if (!tokens_.current().is_operator(",")) return first;
  Target tuple;
  tuple.at = first.at;
  tuple.kind = Target::Kind::kTuple;
  tuple.items.push_back(std::move(first));
  while (tokens_.skip_operator(",")) {
    const Token& token = tokens_.current();
    if (token.is_name("in") || token.is_operator(")") || token.kind == TokenKind::kTagEnd) {
      break;
    }
    WHET_TRY(auto item, single_target(allow_attribute));
    tuple.items.push_back(std::move(item));
  }
  return tuple;
}

}  // namespace whet::jinja
