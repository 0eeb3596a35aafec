// The operators of expressions on values, with Python's types and rounding.
#pragma once

#include "base/result.h"
#include "jinja/runtime.h"
#include "jinja/value.h"

namespace whet::jinja {

enum class Arithmetic { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };
enum class Comparison {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn
};

/// Errors: unsupported operand types, division by zero, an int over 64 bits, text over the limit.
Result<Value> arithmetic(Runtime& runtime, Arithmetic operation, const Value& left,
                         const Value& right);
Result<Value> negate(const Value& operand);
/// Unary plus.
Result<Value> affirm(const Value& operand);

/// Python's ==; never an error except for the budget.
Result<bool> equal(Runtime& runtime, const Value& left, const Value& right);
/// Errors: types without an order.
Result<bool> less(Runtime& runtime, const Value& left, const Value& right);
/// `item in container`. Errors: not a container.
Result<bool> contains(Runtime& runtime, const Value& container, const Value& item);
Result<bool> compare(Runtime& runtime, Comparison comparison, const Value& left,
                     const Value& right);

/// The items that iterating over the value yields; uses up an iterator.
/// Errors: not iterable.
Result<std::vector<Value>> iterate(Runtime& runtime, const Value& value);
bool is_iterable(const Value& value);
/// len(value). Errors: a value without one.
Result<int64_t> length(Runtime& runtime, const Value& value);

}  // namespace whet::jinja
