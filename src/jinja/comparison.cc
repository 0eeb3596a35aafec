#include <fmt/format.h>

#include <cmath>

#include "jinja/operation.h"
#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

constexpr int64_t kCharacterWork = 4;  // the memory of a one-character string

enum class Order { kLess, kEqual, kGreater, kUnordered };

/// Exact, as in Python: an int is not rounded to a float.
Order order_mixed(int64_t integer, double real) {
  if (std::isnan(real)) return Order::kUnordered;
  if (real >= 0x1p63) return Order::kLess;
  if (real < -0x1p63) return Order::kGreater;
  const double floored = std::floor(real);
  const auto whole = static_cast<int64_t>(floored);
  if (integer < whole) return Order::kLess;
  if (integer > whole) return Order::kGreater;
  return real > floored ? Order::kLess : Order::kEqual;
}

Order reversed(Order order) {
  return order == Order::kLess ? Order::kGreater : order == Order::kGreater ? Order::kLess : order;
}

template <typename T>
Order order_of(const T& left, const T& right) {
  if (left < right) return Order::kLess;
  if (right < left) return Order::kGreater;
  return left == right ? Order::kEqual : Order::kUnordered;
}

/// Of two numbers; nullopt-like kUnordered for NaN. Requires: both are numbers.
Order order_numbers(const Value& left, const Value& right) {
  int64_t a = 0;
  int64_t b = 0;
  const bool left_integral = left.as_integer(a);
  const bool right_integral = right.as_integer(b);
  if (left_integral && right_integral) return order_of(a, b);
  if (left_integral) return order_mixed(a, *right.real());
  if (right_integral) return reversed(order_mixed(b, *left.real()));
  return order_of(*left.real(), *right.real());
}

bool has_number(const Value& value) {
  double number = 0;
  return value.as_number(number);
}

Status charge_comparison(Runtime& runtime, const Text& left, const Text& right) {
  return runtime.charge_bytes(std::min(left.bytes.size(), right.bytes.size()));
}

Result<bool> equal_items(Runtime& runtime, const Sequence& left, const Sequence& right) {
  if (left.items.size() != right.items.size()) return false;
  WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(left.items.size())));
  for (size_t i = 0; i < left.items.size(); ++i) {
    WHET_TRY(const bool same, equal(runtime, left.items[i], right.items[i]));
    if (!same) return false;
  }
  return true;
}

Result<bool> equal_mappings(Runtime& runtime, const Mapping& left, const Mapping& right) {
  if (left.entries().size() != right.entries().size()) return false;
  WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(left.entries().size())));
  for (const auto& [key, value] : left.entries()) {
    const auto* other = right.find(key);
    if (!other) return false;
    WHET_TRY(const bool same, equal(runtime, value, *other));
    if (!same) return false;
  }
  return true;
}

}  // namespace

Result<bool> equal(Runtime& runtime, const Value& left, const Value& right) {
  if (has_number(left) && has_number(right)) return order_numbers(left, right) == Order::kEqual;
  if (left.data().index() != right.data().index()) return false;
  if (left.is_undefined() || left.is_none()) return true;
  if (const auto* text = left.text()) {
    WHET_TRY_STATUS(charge_comparison(runtime, *text, *right.text()));
    return text->bytes == right.text()->bytes;
  }
  if (const auto* mapping = left.mapping()) {
    if (mapping == right.mapping()) return true;
    return equal_mappings(runtime, *mapping, *right.mapping());
  }
  if (const auto* sequence = left.sequence()) {
    const auto* other = right.sequence();
    if (sequence == other) return true;
    if (sequence->kind != other->kind || sequence->kind == SequenceKind::kIterator ||
        sequence->kind == SequenceKind::kValues) {
      return false;
    }
    return equal_items(runtime, *sequence, *other);
  }
  return left.object() == right.object();
}

Result<bool> less(Runtime& runtime, const Value& left, const Value& right) {
  if (has_number(left) && has_number(right)) return order_numbers(left, right) == Order::kLess;
  if (left.text() && right.text()) {
    WHET_TRY_STATUS(charge_comparison(runtime, *left.text(), *right.text()));
    return left.text()->bytes < right.text()->bytes;  // UTF-8 keeps the order of code points
  }
  const auto* first = left.sequence();
  const auto* second = right.sequence();
  if (first && second && first->kind == second->kind && first->kind <= SequenceKind::kTuple) {
    const size_t n = std::min(first->items.size(), second->items.size());
    WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(n)));
    for (size_t i = 0; i < n; ++i) {
      WHET_TRY(const bool same, equal(runtime, first->items[i], second->items[i]));
      if (!same) return less(runtime, first->items[i], second->items[i]);
    }
    return first->items.size() < second->items.size();
  }
  for (const auto* operand : {&left, &right}) {
    if (operand->is_undefined() && operand->undefined()->reason) {
      return template_error(*operand->undefined()->reason);
    }
  }
  return template_error(
      fmt::format("'{}' and '{}' have no order", type_name(left), type_name(right)));
}

Result<bool> contains(Runtime& runtime, const Value& container, const Value& item) {
  if (const auto* text = container.text()) {
    if (!item.text()) {
      return template_error(fmt::format("'in' a str: expected a str, got {}", type_name(item)));
    }
    WHET_TRY_STATUS(runtime.charge_bytes(text->bytes.size()));
    return find_bytes(text->bytes, item.text()->bytes) != std::string_view::npos;
  }
  if (const auto* mapping = container.mapping()) {
    if (!Mapping::is_key(item) && !item.is_undefined()) {
      return template_error(fmt::format("'{}' cannot be a key", type_name(item)));
    }
    return mapping->find(item) != nullptr;
  }
  if (container.is_undefined()) return false;
  const auto* sequence = container.sequence();
  if (!sequence) {
    return template_error(fmt::format("'in': '{}' is not a container", type_name(container)));
  }
  WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(sequence->items.size())));
  const bool one_pass = sequence->kind == SequenceKind::kIterator;
  for (size_t i = one_pass ? sequence->n_used : 0; i < sequence->items.size(); ++i) {
    if (one_pass) sequence->n_used = i + 1;
    WHET_TRY(const bool same, equal(runtime, sequence->items[i], item));
    if (same) return true;
  }
  return false;
}

Result<bool> compare(Runtime& runtime, Comparison comparison, const Value& left,
                     const Value& right) {
  switch (comparison) {
    case Comparison::kEqual:
      return equal(runtime, left, right);
    case Comparison::kNotEqual: {
      WHET_TRY(const bool same, equal(runtime, left, right));
      return !same;
    }
    case Comparison::kLess:
      return less(runtime, left, right);
    case Comparison::kGreater:
      return less(runtime, right, left);
    case Comparison::kLessEqual:
    case Comparison::kGreaterEqual: {
      WHET_TRY(const bool before, comparison == Comparison::kLessEqual
                                      ? less(runtime, left, right)
                                      : less(runtime, right, left));
      return before ? Result<bool>(true) : equal(runtime, left, right);
    }
    case Comparison::kIn:
      return contains(runtime, right, left);
    case Comparison::kNotIn: {
      WHET_TRY(const bool found, contains(runtime, right, left));
      return !found;
    }
  }
  WHET_UNREACHABLE();
}

bool is_iterable(const Value& value) {
  return value.is_undefined() || value.is_text() || value.sequence() || value.mapping();
}

Result<std::vector<Value>> iterate(Runtime& runtime, const Value& value) {
  std::vector<Value> items;
  if (value.is_undefined()) return items;
  if (const auto* text = value.text()) {
    WHET_TRY_STATUS(runtime.charge(kCharacterWork * static_cast<int64_t>(text->bytes.size())));
    for (auto piece : split_code_points(text->bytes)) {
      items.push_back(Value::constant_text(std::string(piece)));
    }
    return items;
  }
  if (const auto* mapping = value.mapping()) {
    WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(mapping->entries().size())));
    for (const auto& entry : mapping->entries()) items.push_back(entry.first);
    return items;
  }
  const auto* sequence = value.sequence();
  if (!sequence) return template_error(fmt::format("'{}' is not iterable", type_name(value)));
  WHET_TRY_STATUS(runtime.charge(static_cast<int64_t>(sequence->items.size())));
  if (sequence->kind != SequenceKind::kIterator) return sequence->items;
  items.assign(sequence->items.begin() + static_cast<std::ptrdiff_t>(sequence->n_used),
               sequence->items.end());
  sequence->n_used = sequence->items.size();
  return items;
}

Result<int64_t> length(Runtime& runtime, const Value& value) {
  if (value.is_undefined()) return int64_t{0};
  if (const auto* text = value.text()) {
    WHET_TRY_STATUS(runtime.charge_bytes(text->bytes.size()));
    return static_cast<int64_t>(count_code_points(text->bytes));
  }
  if (const auto* mapping = value.mapping()) return static_cast<int64_t>(mapping->entries().size());
  const auto* sequence = value.sequence();
  if (sequence && sequence->kind != SequenceKind::kIterator) {
    return static_cast<int64_t>(sequence->items.size());
  }
  return template_error(fmt::format("'{}' has no length", type_name(value)));
}

}  // namespace whet::jinja
