// Parses what follows a value: subscripts, calls, filters, tests.
#include <algorithm>

#include "jinja/expression_parser.h"

namespace whet::jinja {

Result<ExprPtr> ExpressionParser::postfix(ExprPtr subject) {
  for (;;) {
    const Token& token = tokens_.current();
    if (token.is_operator(".") || token.is_operator("[")) {
      WHET_TRY(subject, subscript(std::move(subject)));
    } else if (token.is_operator("(")) {
      WHET_TRY(subject, call(std::move(subject)));
    } else {
      return subject;
    }
  }
}

Result<ExprPtr> ExpressionParser::filters_and_tests(ExprPtr subject) {
  for (;;) {
    const Token& token = tokens_.current();
    if (token.is_operator("|")) {
      tokens_.take();
      WHET_TRY(subject, filter(std::move(subject)));
    } else if (token.is_name("is")) {
      WHET_TRY(subject, test(std::move(subject)));
    } else if (token.is_operator("(")) {
      WHET_TRY(subject, call(std::move(subject)));
    } else {
      return subject;
    }
  }
}

Result<ExprPtr> ExpressionParser::subscript(ExprPtr subject) {
  const int subject_depth = subject->depth;
  if (tokens_.skip_operator(".")) {
    const Token& token = tokens_.current();
    if (token.kind == TokenKind::kName) {
      tokens_.take();
      return make(token.at, AttributeExpr{std::move(subject), token.text}, subject_depth);
    }
    if (token.kind != TokenKind::kInteger) return tokens_.unexpected("an attribute's name");
    WHET_TRY(auto index, number());
    return make(token.at, Subscript{std::move(subject), std::move(index)}, subject_depth);
  }
  const Position at = tokens_.take().at;
  ExprPtr parts[3];
  bool is_slice = false;
  for (size_t i = 0; i < 3; ++i) {
    if (!tokens_.current().is_operator(":") && !tokens_.current().is_operator("]")) {
      WHET_TRY(parts[i], expression());
    }
    if (i == 2 || !tokens_.skip_operator(":")) break;
    is_slice = true;
  }
  if (!is_slice && !parts[0]) return tokens_.unexpected("an index");
  WHET_TRY_STATUS(tokens_.expect_operator("]"));
  const int depth = std::max(subject_depth, deepest({&parts[0], &parts[1], &parts[2]}));
  if (!is_slice) return make(at, Subscript{std::move(subject), std::move(parts[0])}, depth);
  return make(
      at,
      SliceExpr{std::move(subject), std::move(parts[0]), std::move(parts[1]), std::move(parts[2])},
      depth);
}

Result<ExprPtr> ExpressionParser::call(ExprPtr callee) {
  const Position at = tokens_.current().at;
  WHET_TRY(auto list, arguments());
  const int depth = std::max(callee->depth, deepest(list));
  return make(at, Call{std::move(callee), std::move(list)}, depth);
}

Status ExpressionParser::argument(CallArguments& list) {
  const Position at = tokens_.current().at;
  if (tokens_.skip_operator("**")) {
    if (list.spread_dict) return error_at(at, "expected one ** argument at most");
    WHET_TRY(list.spread_dict, expression());
    return ok_status();
  }
  if (list.spread_dict) return error_at(at, "expected no argument after a ** argument");
  if (tokens_.skip_operator("*")) {
    if (list.spread_list) return error_at(at, "expected one * argument at most");
    WHET_TRY(list.spread_list, expression());
    return ok_status();
  }
  if (tokens_.current().kind == TokenKind::kName && tokens_.following().is_operator("=")) {
    std::string name = tokens_.take().text;
    tokens_.take();
    WHET_TRY(auto value, expression());
    for (const auto& entry : list.keyword) {
      if (entry.first == name)
        return error_at(at, fmt::format("argument '{}' was given twice", name));
    }
    list.keyword.emplace_back(std::move(name), std::move(value));
    return ok_status();
  }
  if (list.spread_list || !list.keyword.empty()) {
    return error_at(at, "expected no positional argument after a keyword or * argument");
  }
  WHET_TRY(auto value, expression());
  list.positional.push_back(std::move(value));
  return ok_status();
}

Result<CallArguments> ExpressionParser::arguments() {
  WHET_TRY_STATUS(tokens_.expect_operator("("));
  CallArguments list;
  bool is_first = true;
  while (!tokens_.current().is_operator(")")) {
    if (!is_first) {
      WHET_TRY_STATUS(tokens_.expect_operator(","));
      if (tokens_.current().is_operator(")")) break;
    }
    is_first = false;
    WHET_TRY_STATUS(argument(list));
  }
  WHET_TRY_STATUS(tokens_.expect_operator(")"));
  return list;
}

/// After the "|".
Result<ExprPtr> ExpressionParser::filter(ExprPtr subject) {
  const Position at = tokens_.current().at;
  FilterExpr filter{std::move(subject), {}, {}};
  WHET_TRY(filter.name, tokens_.expect_any_name("a filter's name"));
  if (tokens_.current().is_operator("(")) {
    WHET_TRY(filter.arguments, arguments());
  }
  const int depth = std::max(deepest({&filter.subject}), deepest(filter.arguments));
  return make(at, std::move(filter), depth);
}

Result<ExprPtr> ExpressionParser::filter_chain() {
  WHET_TRY(auto chain, filter(nullptr));
  while (tokens_.skip_operator("|")) {
    WHET_TRY(chain, filter(std::move(chain)));
  }
  return chain;
}

Result<ExprPtr> ExpressionParser::test(ExprPtr subject) {
  tokens_.take();  // "is"
  const Position at = tokens_.current().at;
  TestExpr test{std::move(subject), {}, {}, false};
  test.negated = tokens_.skip_name("not");
  WHET_TRY(test.name, tokens_.expect_any_name("a test's name"));
  const Token& token = tokens_.current();
  const bool starts_argument = token.kind == TokenKind::kName || token.kind == TokenKind::kString ||
                               token.kind == TokenKind::kInteger ||
                               token.kind == TokenKind::kFloat || token.is_operator("[") ||
                               token.is_operator("{");
  if (token.is_operator("(")) {
    WHET_TRY(test.arguments, arguments());
  } else if (token.is_name("is")) {
    return tokens_.unexpected("no second 'is'");
  } else if (starts_argument && !token.is_name("else") && !token.is_name("or") &&
             !token.is_name("and")) {
    WHET_TRY(auto argument, primary());
    WHET_TRY(argument, postfix(std::move(argument)));
    test.arguments.positional.push_back(std::move(argument));
  }
  const int depth = std::max(test.subject->depth, deepest(test.arguments));
  return make(at, std::move(test), depth);
}

}  // namespace whet::jinja
