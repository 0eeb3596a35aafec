// Tokens -> expressions, with Jinja's precedence.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "jinja/ast.h"
#include "jinja/token_stream.h"

namespace whet::jinja {

/// Of operators and postfixes in one expression ("a + b + c" is 2 deep), so that its evaluation
/// needs a bounded stack.
inline constexpr int kMaxExpressionDepth = 300;

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  Result<ExprPtr> expression();
  /// An expression without an inline `if`.
  Result<ExprPtr> unconditional();
  /// One expression, or a tuple without parentheses.
  Result<ExprPtr> expression_list(bool allow_conditional = true);
  /// One or more "name(arguments)" joined by "|", applied to the text of a block.
  Result<ExprPtr> filter_chain();
  /// A name, a tuple of targets, or, if `allow_attribute`, namespace.attribute.
  Result<Target> target(bool allow_attribute);
  Result<Target> single_target(bool allow_attribute);

  /// Names that macro bodies being parsed read; the statement parser resets and inspects it.
  struct MacroUse {
    bool caller = false;
    bool varargs = false;
    bool kwargs = false;
  };
  std::vector<MacroUse> open_macros;

 private:
  Result<ExprPtr> make(Position at, Expr::Node node, int child_depth);
  Result<ExprPtr> or_expression();
  Result<ExprPtr> and_expression();
  Result<ExprPtr> not_expression();
  Result<ExprPtr> comparison();
  Result<ExprPtr> sum();
  Result<ExprPtr> concatenation();
  Result<ExprPtr> product();
  Result<ExprPtr> power();
  Result<ExprPtr> unary(bool with_filters);
  Result<ExprPtr> primary();
  Result<ExprPtr> name();
  Result<ExprPtr> number();
  Result<ExprPtr> text();
  Result<ExprPtr> list();
  Result<ExprPtr> dict();
  Result<ExprPtr> parenthesized();
  Result<ExprPtr> postfix(ExprPtr subject);
  Result<ExprPtr> filters_and_tests(ExprPtr subject);
  Result<ExprPtr> subscript(ExprPtr subject);
  Result<ExprPtr> call(ExprPtr callee);
  Result<ExprPtr> filter(ExprPtr subject);
  Result<ExprPtr> test(ExprPtr subject);
  Result<CallArguments> arguments();
  Status argument(CallArguments& arguments);

  TokenStream& tokens_;
};

}  // namespace whet::jinja
