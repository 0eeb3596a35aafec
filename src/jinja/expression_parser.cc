#include "jinja/expression_parser.h"

#include <algorithm>
#include <optional>

#include "jinja/number.h"

namespace whet::jinja {
namespace {

std::optional<Comparison> comparison_of(const Token& token) {
  if (token.kind != TokenKind::kOperator) return std::nullopt;
  if (token.text == "==") return Comparison::kEqual;
  if (token.text == "!=") return Comparison::kNotEqual;
  if (token.text == "<") return Comparison::kLess;
  if (token.text == "<=") return Comparison::kLessEqual;
  if (token.text == ">") return Comparison::kGreater;
  if (token.text == ">=") return Comparison::kGreaterEqual;
  return std::nullopt;
}

std::optional<Arithmetic> factor_of(const Token& token) {
  if (token.is_operator("*")) return Arithmetic::kMultiply;
  if (token.is_operator("/")) return Arithmetic::kDivide;
  if (token.is_operator("//")) return Arithmetic::kFloorDivide;
  if (token.is_operator("%")) return Arithmetic::kModulo;
  return std::nullopt;
}

}  // namespace

Result<ExprPtr> ExpressionParser::make(Position at, Expr::Node node, int child_depth) {
  if (child_depth >= kMaxExpressionDepth) {
    return error_at(at, fmt::format("expression deeper than {} operations", kMaxExpressionDepth));
  }
  return ExprPtr(std::make_shared<const Expr>(Expr{at, child_depth + 1, std::move(node)}));
}

Result<ExprPtr> ExpressionParser::expression() {
  const NestingLevel level(tokens_);
  WHET_TRY_STATUS(level.check());
  WHET_TRY(auto value, or_expression());
  for (;;) {
    const Position at = tokens_.current().at;
    if (!tokens_.skip_name("if")) return value;
    WHET_TRY(auto condition, or_expression());
    ExprPtr otherwise;
    if (tokens_.skip_name("else")) {
      WHET_TRY(otherwise, expression());
    }
    const int depth = deepest({&value, &condition, &otherwise});
    WHET_TRY(
        value,
        make(at, Conditional{std::move(condition), std::move(value), std::move(otherwise)}, depth));
  }
}

Result<ExprPtr> ExpressionParser::unconditional() {
  const NestingLevel level(tokens_);
  WHET_TRY_STATUS(level.check());
  return or_expression();
}

Result<ExprPtr> ExpressionParser::or_expression() {
  WHET_TRY(auto left, and_expression());
  for (;;) {
    const Position at = tokens_.current().at;
    if (!tokens_.skip_name("or")) return left;
    WHET_TRY(auto right, and_expression());
    const int depth = deepest({&left, &right});
    WHET_TRY(left, make(at, Logical{false, std::move(left), std::move(right)}, depth));
  }
}

Result<ExprPtr> ExpressionParser::and_expression() {
  WHET_TRY(auto left, not_expression());
  for (;;) {
    const Position at = tokens_.current().at;
    if (!tokens_.skip_name("and")) return left;
    WHET_TRY(auto right, not_expression());
    const int depth = deepest({&left, &right});
    WHET_TRY(left, make(at, Logical{true, std::move(left), std::move(right)}, depth));
  }
}

Result<ExprPtr> ExpressionParser::not_expression() {
  const Position at = tokens_.current().at;
  if (!tokens_.skip_name("not")) return comparison();
  const NestingLevel level(tokens_);
  WHET_TRY_STATUS(level.check());
  WHET_TRY(auto operand, not_expression());
  const int depth = operand->depth;
  return make(at, Not{std::move(operand)}, depth);
}

Result<ExprPtr> ExpressionParser::comparison() {
  const Position at = tokens_.current().at;
  WHET_TRY(auto first, sum());
  CompareExpr compare{std::move(first), {}};
  int depth = compare.first->depth;
  for (;;) {
    auto operation = comparison_of(tokens_.current());
    if (operation) {
      tokens_.take();
    } else if (tokens_.skip_name("in")) {
      operation = Comparison::kIn;
    } else if (tokens_.current().is_name("not") && tokens_.following().is_name("in")) {
      tokens_.take();
      tokens_.take();
      operation = Comparison::kNotIn;
    } else {
      break;
    }
    WHET_TRY(auto operand, sum());
    depth = std::max(depth, operand->depth);
    compare.rest.emplace_back(*operation, std::move(operand));
  }
  if (compare.rest.empty()) return std::move(compare.first);
  return make(at, std::move(compare), depth);
}

Result<ExprPtr> ExpressionParser::sum() {
  WHET_TRY(auto left, concatenation());
  for (;;) {
    const Position at = tokens_.current().at;
    const bool adds = tokens_.current().is_operator("+");
    if (!adds && !tokens_.current().is_operator("-")) return left;
    tokens_.take();
    WHET_TRY(auto right, concatenation());
    const int depth = deepest({&left, &right});
    const auto operation = adds ? Arithmetic::kAdd : Arithmetic::kSubtract;
    WHET_TRY(left, make(at, BinaryExpr{operation, std::move(left), std::move(right)}, depth));
  }
}

Result<ExprPtr> ExpressionParser::concatenation() {
  const Position at = tokens_.current().at;
  WHET_TRY(auto first, product());
  if (!tokens_.current().is_operator("~")) return first;
  Concat concat;
  concat.parts.push_back(std::move(first));
  while (tokens_.skip_operator("~")) {
    WHET_TRY(auto part, product());
    concat.parts.push_back(std::move(part));
  }
  const int depth = deepest(concat.parts);
  return make(at, std::move(concat), depth);
}

Result<ExprPtr> ExpressionParser::product() {
  WHET_TRY(auto left, power());
  for (;;) {
    const Position at = tokens_.current().at;
    const auto operation = factor_of(tokens_.current());
    if (!operation) return left;
    tokens_.take();
    WHET_TRY(auto right, power());
    const int depth = deepest({&left, &right});
    WHET_TRY(left, make(at, BinaryExpr{*operation, std::move(left), std::move(right)}, depth));
  }
}

Result<ExprPtr> ExpressionParser::power() {
  WHET_TRY(auto left, unary(true));
  for (;;) {
    const Position at = tokens_.current().at;
    if (!tokens_.skip_operator("**")) return left;
    WHET_TRY(auto right, unary(true));
    const int depth = deepest({&left, &right});
    WHET_TRY(left,
             make(at, BinaryExpr{Arithmetic::kPower, std::move(left), std::move(right)}, depth));
  }
}

/// As in Jinja, a sign binds tighter than "**" and than filters: -1|abs is (-1)|abs.
Result<ExprPtr> ExpressionParser::unary(bool with_filters) {
  const NestingLevel level(tokens_);
  WHET_TRY_STATUS(level.check());
  const Position at = tokens_.current().at;
  const bool negative = tokens_.current().is_operator("-");
  ExprPtr value;
  if (negative || tokens_.current().is_operator("+")) {
    tokens_.take();
    WHET_TRY(auto operand, unary(false));
    const int depth = operand->depth;
    WHET_TRY(value, make(at, Sign{std::move(operand), negative}, depth));
  } else {
    WHET_TRY(value, primary());
  }
  WHET_TRY(value, postfix(std::move(value)));
  return with_filters ? filters_and_tests(std::move(value)) : Result<ExprPtr>(std::move(value));
}

}  // namespace whet::jinja
