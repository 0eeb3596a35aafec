// Runs a parsed template: statements write text, expressions yield values. Deterministic; touches
// nothing but its scopes, its runtime's budget and its output.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "jinja/ast.h"
#include "jinja/object.h"
#include "jinja/runtime.h"
#include "jinja/scope.h"

namespace whet::jinja {

class Interpreter {
 public:
  explicit Interpreter(Runtime& runtime) : runtime_(runtime) {}

  /// Runs a whole template. Errors carry the line and column where they arose.
  Status render(const Body& body, Scope& root, TextBuilder& out);

 private:
  friend class Macro;

  enum class Flow { kNormal, kBreak, kContinue };

  Result<Flow> run(const Body& body, Scope& scope, TextBuilder& out);
  Result<Flow> run(const Stmt& stmt, Scope& scope, TextBuilder& out);
  Result<Flow> run(const TextStmt& text, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const Output& output, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const If& choice, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const For& loop, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const Set& set, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const SetBlock& set, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const MacroStmt& macro, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const CallBlock& block, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const FilterBlock& block, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const ScopeBlock& block, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const Break&, Position at, Scope& scope, TextBuilder& out);
  Result<Flow> run(const Continue&, Position at, Scope& scope, TextBuilder& out);
  Result<std::vector<Value>> loop_items(const For& loop, Position at, Scope& scope);
  Status assign(const Target& target, const Value& value, Scope& scope);
  Value make_macro(std::shared_ptr<const MacroDefinition> macro, Scope& scope);
  Result<Value> call_macro(const MacroDefinition& macro, Scope& defined_in,
                           const Arguments& arguments);
  Status bind_parameters(const MacroDefinition& macro, const Arguments& arguments, Scope& scope);

  /// `block_text` is what a filter without a subject applies to.
  Result<Value> evaluate(const Expr& expr, Scope& scope, const Value* block_text = nullptr);
  Result<Value> evaluate(const Literal& literal, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const Name& name, Position at, Scope& scope, const Value* block_text);
  Result<Value> evaluate(const ListLiteral& list, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const DictLiteral& dict, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const AttributeExpr& access, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const Subscript& access, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const SliceExpr& access, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const Call& call, Position at, Scope& scope, const Value* block_text);
  Result<Value> evaluate(const FilterExpr& filter, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const TestExpr& test, Position at, Scope& scope, const Value* block_text);
  Result<Value> evaluate(const Not& negation, Position at, Scope& scope, const Value* block_text);
  Result<Value> evaluate(const Sign& sign, Position at, Scope& scope, const Value* block_text);
  Result<Value> evaluate(const BinaryExpr& binary, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const Logical& logical, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const CompareExpr& compare, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> evaluate(const Concat& concat, Position at, Scope& scope, const Value* block_text);
  Result<Value> evaluate(const Conditional& conditional, Position at, Scope& scope,
                         const Value* block_text);
  Result<Value> call(const Call& call, Position at, Scope& scope, const Value* caller);
  Result<Arguments> evaluate_arguments(const CallArguments& arguments, Position at, Scope& scope);

  /// The result with this position on its error.
  template <typename T>
  Result<T> at(Position position, Result<T> result) {
    if (result.ok()) return result;
    return runtime_.locate(position, result.error());
  }

  Runtime& runtime_;
  ScopeArena scopes_;
};

/// A macro and the names around its definition.
class Macro : public Object {
 public:
  Macro(Interpreter& interpreter, std::shared_ptr<const MacroDefinition> definition,
        Scope& defined_in)
      : interpreter_(interpreter), definition_(std::move(definition)), defined_in_(defined_in) {}
  std::string_view type_name() const override { return "macro"; }
  bool is_callable() const override { return true; }
  Result<Value> call(Runtime&, const Arguments& arguments) override {
    return interpreter_.call_macro(*definition_, defined_in_, arguments);
  }

 private:
  Interpreter& interpreter_;
  std::shared_ptr<const MacroDefinition> definition_;
  Scope& defined_in_;
};

/// Counts one level of the evaluation's depth while it lives.
class CallLevel {
 public:
  explicit CallLevel(Runtime& runtime) : runtime_(runtime) { ++runtime_.call_depth; }
  ~CallLevel() { --runtime_.call_depth; }
  CallLevel(const CallLevel&) = delete;
  CallLevel& operator=(const CallLevel&) = delete;

  /// Also charges the step. Errors: too deep, out of steps.
  Status check();

 private:
  Runtime& runtime_;
};

}  // namespace whet::jinja
