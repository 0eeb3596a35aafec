// The interpreter's expressions.
#include <fmt/format.h>

#include "jinja/access.h"
#include "jinja/filter.h"
#include "jinja/interpreter.h"
#include "jinja/operation.h"
#include "jinja/predicate.h"
#include "jinja/printing.h"

namespace whet::jinja {

Result<Value> Interpreter::evaluate(const Expr& expr, Scope& scope, const Value* block_text) {
  CallLevel level(runtime_);
  WHET_TRY_STATUS(at(expr.at, level.check()));
  return std::visit([&](const auto& node) { return evaluate(node, expr.at, scope, block_text); },
                    expr.node);
}

Result<Value> Interpreter::evaluate(const Literal& literal, Position, Scope&, const Value*) {
  return literal.value;
}

Result<Value> Interpreter::evaluate(const Name& name, Position, Scope& scope, const Value*) {
  if (const Value* found = scope.find(name.name)) return *found;
  return Value::undefined(fmt::format("'{}' is undefined", name.name));
}

Result<Value> Interpreter::evaluate(const ListLiteral& list, Position position, Scope& scope,
                                    const Value*) {
  std::vector<Value> items;
  items.reserve(list.items.size());
  for (const auto& expr : list.items) {
    WHET_TRY(auto value, evaluate(*expr, scope));
    items.push_back(std::move(value));
  }
  const auto kind = list.is_tuple ? SequenceKind::kTuple : SequenceKind::kList;
  return at(position, runtime_.sequence(kind, std::move(items)));
}

Result<Value> Interpreter::evaluate(const DictLiteral& dict, Position position, Scope& scope,
                                    const Value*) {
  Mapping mapping;
  for (const auto& [key_expr, value_expr] : dict.entries) {
    WHET_TRY(auto key, evaluate(*key_expr, scope));
    WHET_TRY(auto value, evaluate(*value_expr, scope));
    if (!Mapping::is_key(key)) {
      return runtime_.locate(key_expr->at,
                             template_error(fmt::format("'{}' cannot be a key", type_name(key))));
    }
    mapping.set(std::move(key), std::move(value));
  }
  return at(position, runtime_.mapping(std::move(mapping)));
}

Result<Value> Interpreter::evaluate(const AttributeExpr& access, Position position, Scope& scope,
                                    const Value*) {
  WHET_TRY(const auto subject, evaluate(*access.subject, scope));
  return at(position, attribute(runtime_, subject, access.name));
}

Result<Value> Interpreter::evaluate(const Subscript& access, Position position, Scope& scope,
                                    const Value*) {
  WHET_TRY(const auto subject, evaluate(*access.subject, scope));
  WHET_TRY(const auto key, evaluate(*access.key, scope));
  return at(position, item(runtime_, subject, key));
}

Result<Value> Interpreter::evaluate(const SliceExpr& access, Position position, Scope& scope,
                                    const Value*) {
  WHET_TRY(const auto subject, evaluate(*access.subject, scope));
  Value bounds[3] = {None{}, None{}, None{}};
  const ExprPtr* exprs[3] = {&access.lower, &access.upper, &access.step};
  for (size_t i = 0; i < 3; ++i) {
    if (*exprs[i]) {
      WHET_TRY(bounds[i], evaluate(**exprs[i], scope));
    }
  }
  return at(position, slice(runtime_, subject, bounds[0], bounds[1], bounds[2]));
}

Result<Arguments> Interpreter::evaluate_arguments(const CallArguments& exprs, Position position,
                                                  Scope& scope) {
  Arguments arguments;
  for (const auto& expr : exprs.positional) {
    WHET_TRY(auto value, evaluate(*expr, scope));
    arguments.positional.push_back(std::move(value));
  }
  for (const auto& [name, expr] : exprs.keyword) {
    WHET_TRY(auto value, evaluate(*expr, scope));
    arguments.keyword.emplace_back(name, std::move(value));
  }
  if (exprs.spread_list) {
    WHET_TRY(const auto list, evaluate(*exprs.spread_list, scope));
    WHET_TRY(const auto items, at(position, iterate(runtime_, list)));
    arguments.positional.insert(arguments.positional.end(), items.begin(), items.end());
  }
  if (exprs.spread_dict) {
    WHET_TRY(const auto dict, evaluate(*exprs.spread_dict, scope));
    const auto* mapping = dict.mapping();
    if (!mapping) {
      return runtime_.locate(
          position, template_error(fmt::format("** expected a dict, got {}", type_name(dict))));
    }
    WHET_TRY_STATUS(at(position, runtime_.charge(static_cast<int64_t>(mapping->entries().size()))));
    for (const auto& [key, value] : mapping->entries()) {
      if (!key.text())
        return runtime_.locate(position, template_error("** expected keys of type str"));
      arguments.keyword.emplace_back(key.text()->bytes, value);
    }
  }
  return arguments;
}

Result<Value> Interpreter::call(const Call& call, Position position, Scope& scope,
                                const Value* caller) {
  WHET_TRY(const auto callee, evaluate(*call.callee, scope));
  WHET_TRY(auto arguments, evaluate_arguments(call.arguments, position, scope));
  if (caller) arguments.keyword.emplace_back("caller", *caller);
  if (callee.is_undefined()) {
    const auto& reason = callee.undefined()->reason;
    return runtime_.locate(position,
                           template_error(reason ? *reason : "the function is undefined"));
  }
  auto* object = callee.object();
  if (!object) {
    return runtime_.locate(position,
                           template_error(fmt::format("'{}' is not callable", type_name(callee))));
  }
  return at(position, object->call(runtime_, arguments));
}

Result<Value> Interpreter::evaluate(const Call& call_expr, Position position, Scope& scope,
                                    const Value*) {
  return call(call_expr, position, scope, nullptr);
}

Result<Value> Interpreter::evaluate(const FilterExpr& filter, Position position, Scope& scope,
                                    const Value* block_text) {
  WHET_CHECK(filter.subject || block_text);
  Value subject;
  if (filter.subject) {
    WHET_TRY(subject, evaluate(*filter.subject, scope, block_text));
  } else {
    subject = *block_text;
  }
  WHET_TRY(const auto arguments, evaluate_arguments(filter.arguments, position, scope));
  return at(position, apply_filter(runtime_, filter.name, subject, arguments));
}

Result<Value> Interpreter::evaluate(const TestExpr& test, Position position, Scope& scope,
                                    const Value*) {
  WHET_TRY(const auto subject, evaluate(*test.subject, scope));
  WHET_TRY(const auto arguments, evaluate_arguments(test.arguments, position, scope));
  WHET_TRY(const bool holds,
           at(position, apply_predicate(runtime_, test.name, subject, arguments)));
  return Value::boolean(holds != test.negated);
}

Result<Value> Interpreter::evaluate(const Not& negation, Position, Scope& scope, const Value*) {
  WHET_TRY(const auto operand, evaluate(*negation.operand, scope));
  return Value::boolean(!truthy(operand));
}

Result<Value> Interpreter::evaluate(const Sign& sign, Position position, Scope& scope,
                                    const Value*) {
  WHET_TRY(const auto operand, evaluate(*sign.operand, scope));
  return at(position, sign.negative ? negate(operand) : affirm(operand));
}

Result<Value> Interpreter::evaluate(const BinaryExpr& binary, Position position, Scope& scope,
                                    const Value*) {
  WHET_TRY(const auto left, evaluate(*binary.left, scope));
  WHET_TRY(const auto right, evaluate(*binary.right, scope));
  return at(position, arithmetic(runtime_, binary.operation, left, right));
}

Result<Value> Interpreter::evaluate(const Logical& logical, Position, Scope& scope, const Value*) {
  WHET_TRY(auto left, evaluate(*logical.left, scope));
  if (truthy(left) != logical.is_and) return left;
  return evaluate(*logical.right, scope);
}

Result<Value> Interpreter::evaluate(const CompareExpr& expr, Position position, Scope& scope,
                                    const Value*) {
  WHET_TRY(auto left, evaluate(*expr.first, scope));
  for (const auto& [comparison, right_expr] : expr.rest) {
    WHET_TRY(auto right, evaluate(*right_expr, scope));
    WHET_TRY(const bool holds, at(position, compare(runtime_, comparison, left, right)));
    if (!holds) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Result<Value> Interpreter::evaluate(const Concat& concat, Position position, Scope& scope,
                                    const Value*) {
  TextBuilder out(runtime_);
  for (const auto& part : concat.parts) {
    WHET_TRY(const auto value, evaluate(*part, scope));
    WHET_TRY_STATUS(at(part->at, append_text(out, value)));
  }
  return at(position, out.finish());
}

Result<Value> Interpreter::evaluate(const Conditional& conditional, Position, Scope& scope,
                                    const Value*) {
  WHET_TRY(const auto condition, evaluate(*conditional.condition, scope));
  if (truthy(condition)) return evaluate(*conditional.value, scope);
  if (conditional.otherwise) return evaluate(*conditional.otherwise, scope);
  return Value::undefined("the inline 'if' was false and has no 'else'");
}

}  // namespace whet::jinja
