#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "jinja/formatting.h"
#include "jinja/operation.h"
#include "jinja/printing.h"

namespace whet::jinja {
namespace {

constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};

Error overflow() {
  return template_error("the result does not fit an int of 64 bits");
}

Error division_by_zero() {
  return template_error("division by zero");
}

Error unsupported(Arithmetic operation, const Value& left, const Value& right) {
  for (const auto* operand : {&left, &right}) {
    if (operand->is_undefined()) {
      const auto& reason = operand->undefined()->reason;
      return template_error(reason ? *reason : "the value is undefined");
    }
  }
  return template_error(fmt::format("unsupported operand types for {}: '{}' and '{}'",
                                    kSymbols[static_cast<size_t>(operation)], type_name(left),
                                    type_name(right)));
}

double floor_modulo(double left, double right) {
  double remainder = std::fmod(left, right);
  if (remainder != 0 && (remainder < 0) != (right < 0)) remainder += right;
  return remainder == 0 ? std::copysign(0.0, right) : remainder;
}

double floor_divide(double left, double right) {
  const double quotient = (left - floor_modulo(left, right)) / right;
  if (quotient == 0) return std::copysign(0.0, left / right);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1 : floored;
}

Result<Value> integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return division_by_zero();
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  for (;;) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return overflow();
    exponent >>= 1;
    if (exponent == 0) return Value(result);
    if (__builtin_mul_overflow(base, base, &base)) return overflow();
  }
}

Result<Value> integer_arithmetic(Arithmetic operation, int64_t left, int64_t right) {
  int64_t result = 0;
  switch (operation) {
    case Arithmetic::kAdd:
      if (__builtin_add_overflow(left, right, &result)) return overflow();
      return Value(result);
    case Arithmetic::kSubtract:
      if (__builtin_sub_overflow(left, right, &result)) return overflow();
      return Value(result);
    case Arithmetic::kMultiply:
      if (__builtin_mul_overflow(left, right, &result)) return overflow();
      return Value(result);
    case Arithmetic::kDivide:
      if (right == 0) return division_by_zero();
      return Value(static_cast<double>(left) / static_cast<double>(right));
    case Arithmetic::kFloorDivide:
      if (right == 0) return division_by_zero();
      if (left == std::numeric_limits<int64_t>::min() && right == -1) return overflow();
      result = left / right;
      if (left % right != 0 && (left < 0) != (right < 0)) --result;
      return Value(result);
    case Arithmetic::kModulo:
      if (right == 0) return division_by_zero();
      if (right == -1) return Value(int64_t{0});
      result = left % right;
      if (result != 0 && (result < 0) != (right < 0)) result += right;
      return Value(result);
    case Arithmetic::kPower:
      return integer_power(left, right);
  }
  WHET_UNREACHABLE();
}

Result<Value> real_arithmetic(Arithmetic operation, double left, double right) {
  switch (operation) {
    case Arithmetic::kAdd:
      return Value(left + right);
    case Arithmetic::kSubtract:
      return Value(left - right);
    case Arithmetic::kMultiply:
      return Value(left * right);
    case Arithmetic::kDivide:
      if (right == 0) return division_by_zero();
      return Value(left / right);
    case Arithmetic::kFloorDivide:
      if (right == 0) return division_by_zero();
      return Value(floor_divide(left, right));
    case Arithmetic::kModulo:
      if (right == 0) return division_by_zero();
      return Value(floor_modulo(left, right));
    case Arithmetic::kPower: {
      if (left == 0 && right < 0) return division_by_zero();
      const double power = std::pow(left, right);
      if (std::isnan(power) && !std::isnan(left) && !std::isnan(right)) {
        return template_error("complex numbers are not supported");
      }
      if (std::isinf(power) && std::isfinite(left) && std::isfinite(right)) {
        return template_error("the result is too large for a float");
      }
      return Value(power);
    }
  }
  WHET_UNREACHABLE();
}

Result<Value> add_text(Runtime& runtime, const Text& left, const Text& right) {
  const bool markup = left.markup || right.markup;
  TextBuilder out(runtime);
  WHET_TRY_STATUS(out.append(markup && !left.markup ? escape_html(left.bytes) : left.bytes));
  WHET_TRY_STATUS(out.append(markup && !right.markup ? escape_html(right.bytes) : right.bytes));
  return out.finish(markup);
}

Result<Value> add_sequences(Runtime& runtime, const Sequence& left, const Sequence& right) {
  WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(left.items.size() + right.items.size())));
  std::vector<Value> items = left.items;
  items.insert(items.end(), right.items.begin(), right.items.end());
  return runtime.sequence(left.kind, std::move(items));
}

Result<Value> repeat(Runtime& runtime, const Value& value, int64_t count) {
  count = std::max<int64_t>(count, 0);
  if (const auto* text = value.text()) {
    const size_t limit = runtime.limits().max_text_bytes;
    if (!text->bytes.empty() && static_cast<uint64_t>(count) > limit / text->bytes.size()) {
      return template_error(fmt::format("text longer than {} bytes", limit));
    }
    std::string bytes;
    if (!text->bytes.empty()) bytes.reserve(text->bytes.size() * static_cast<size_t>(count));
    for (int64_t i = 0; i < count && !text->bytes.empty(); ++i) bytes += text->bytes;
    return runtime.text(std::move(bytes), text->markup);
  }
  const auto& sequence = *value.sequence();
  if (sequence.items.empty()) count = 0;
  int64_t total = 0;
  if (__builtin_mul_overflow(count, static_cast<int64_t>(sequence.items.size()), &total)) {
    return overflow();
  }
  WHET_TRY_STATUS(runtime.charge(total));
  std::vector<Value> items;
  items.reserve(static_cast<size_t>(total));
  for (int64_t i = 0; i < count; ++i) {
    items.insert(items.end(), sequence.items.begin(), sequence.items.end());
  }
  return runtime.sequence(sequence.kind, std::move(items));
}

bool is_repeatable(const Value& value) {
  return value.is_text() || (value.sequence() && value.sequence()->kind <= SequenceKind::kTuple);
}

}  // namespace

Result<Value> arithmetic(Runtime& runtime, Arithmetic operation, const Value& left,
                         const Value& right) {
  int64_t a = 0;
  int64_t b = 0;
  const bool left_integral = left.as_integer(a);
  const bool right_integral = right.as_integer(b);
  if (left_integral && right_integral) return integer_arithmetic(operation, a, b);
  double x = 0;
  double y = 0;
  if (left.as_number(x) && right.as_number(y)) return real_arithmetic(operation, x, y);

  if (operation == Arithmetic::kAdd) {
    if (left.text() && right.text()) return add_text(runtime, *left.text(), *right.text());
    const auto* first = left.sequence();
    const auto* second = right.sequence();
    if (first && second && first->kind == second->kind && first->kind <= SequenceKind::kTuple) {
      return add_sequences(runtime, *first, *second);
    }
  }
  if (operation == Arithmetic::kMultiply) {
    if (is_repeatable(left) && right_integral) return repeat(runtime, left, b);
    if (is_repeatable(right) && left_integral) return repeat(runtime, right, a);
  }
  if (operation == Arithmetic::kModulo && left.text()) {
    return format_percent(runtime, left.text()->bytes, right);
  }
  return unsupported(operation, left, right);
}

Result<Value> negate(const Value& operand) {
  int64_t integer = 0;
  if (operand.as_integer(integer)) {
    int64_t result = 0;
    if (__builtin_sub_overflow(int64_t{0}, integer, &result)) return overflow();
    return Value(result);
  }
  if (const auto* number = operand.real()) return Value(-*number);
  return template_error(fmt::format("unary -: expected a number, got {}", type_name(operand)));
}

Result<Value> affirm(const Value& operand) {
  int64_t integer = 0;
  if (operand.as_integer(integer)) return Value(integer);
  if (operand.real()) return operand;
  return template_error(fmt::format("unary +: expected a number, got {}", type_name(operand)));
}

}  // namespace whet::jinja
