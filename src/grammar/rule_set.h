// RuleSet: a context-free grammar as its front ends (GBNF, JSON schema, regular expressions) write
// it down; Grammar compiles it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "grammar/code_points.h"

namespace whet::grammar {

/// An expression of one RuleSet.
enum class ExprId : uint32_t {};
/// A rule of one RuleSet.
enum class RuleId : uint32_t {};

namespace expr {
struct Literals {  // any one of these byte strings, kept as one trie
  std::vector<std::string> texts;
};
struct OneOf {
  CodePoints set;
};
struct Sequence {
  std::vector<ExprId> parts;
};
struct AnyOf {
  std::vector<ExprId> alternatives;
};
struct Repeat {
  ExprId what;
  uint32_t min;
  std::optional<uint32_t> max;  // none = without end
};
struct Call {
  RuleId rule;
};
struct FreeText {
  std::vector<std::string> triggers;
  bool ends_with_trigger;
};
}  // namespace expr

using Expr = std::variant<expr::Literals, expr::OneOf, expr::Sequence, expr::AnyOf, expr::Repeat,
                          expr::Call, expr::FreeText>;

class RuleSet {
 public:
  struct Rule {
    std::string name;  // for messages
    std::optional<ExprId> body;
  };

  ExprId literal(std::string_view bytes) { return literals({std::string(bytes)}); }
  /// Any one of them.
  ExprId literals(std::vector<std::string> texts) { return add(expr::Literals{std::move(texts)}); }
  ExprId one_of(CodePoints set) { return add(expr::OneOf{std::move(set)}); }
  ExprId sequence(std::vector<ExprId> parts) { return add(expr::Sequence{std::move(parts)}); }
  ExprId empty() { return sequence({}); }
  /// Nothing matches an empty list.
  ExprId any_of(std::vector<ExprId> alternatives) {
    return add(expr::AnyOf{std::move(alternatives)});
  }
  ExprId repeat(ExprId what, uint32_t min, std::optional<uint32_t> max) {
    return add(expr::Repeat{what, min, max});
  }
  ExprId optional(ExprId what) { return repeat(what, 0, 1); }
  ExprId call(RuleId rule) { return add(expr::Call{rule}); }
  /// Bytes of any kind in which no trigger appears. Control tokens may stand in it.
  ExprId free_text(std::vector<std::string> triggers) {
    return add(expr::FreeText{std::move(triggers), false});
  }
  /// The same, up to and with the first trigger. Triggers are not empty.
  ExprId free_text_until(std::vector<std::string> triggers) {
    return add(expr::FreeText{std::move(triggers), true});
  }

  RuleId declare(std::string name) {
    rules_.push_back({std::move(name), std::nullopt});
    return static_cast<RuleId>(rules_.size() - 1);
  }
  void define(RuleId rule, ExprId body) { rules_[static_cast<size_t>(rule)].body = body; }
  /// declare() and define() at once.
  RuleId add_rule(std::string name, ExprId body) {
    const RuleId rule = declare(std::move(name));
    define(rule, body);
    return rule;
  }

  const Expr& at(ExprId id) const { return expressions_[static_cast<size_t>(id)]; }
  const std::vector<Rule>& rules() const { return rules_; }
  size_t n_expressions() const { return expressions_.size(); }

 private:
  ExprId add(Expr expression) {
    expressions_.push_back(std::move(expression));
    return static_cast<ExprId>(expressions_.size() - 1);
  }

  std::vector<Expr> expressions_;
  std::vector<Rule> rules_;
};

}  // namespace whet::grammar
