#include "jinja/predicate.h"

#include <fmt/format.h>

#include "jinja/filter.h"
#include "jinja/method.h"
#include "jinja/object.h"
#include "jinja/operation.h"
#include "jinja/printing.h"

namespace whet::jinja {
namespace {

using Predicate = Result<bool> (*)(Runtime& runtime, const Value& value,
                                   const Arguments& arguments);

/// A predicate that only looks at the value.
template <bool (*holds)(const Value&)>
Result<bool> plain(Runtime&, const Value& value, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  return holds(value);
}

bool is_defined(const Value& value) {
  return !value.is_undefined();
}
bool is_undefined(const Value& value) {
  return value.is_undefined();
}
bool is_none(const Value& value) {
  return value.is_none();
}
bool is_boolean(const Value& value) {
  return value.is_bool();
}
bool is_true(const Value& value) {
  return value.boolean() && *value.boolean();
}
bool is_false(const Value& value) {
  return value.boolean() && !*value.boolean();
}
bool is_text(const Value& value) {
  return value.is_text();
}
bool is_mapping(const Value& value) {
  return value.mapping() != nullptr;
}
bool is_real(const Value& value) {
  return value.real() != nullptr;
}
bool is_integer(const Value& value) {
  return std::holds_alternative<int64_t>(value.data());
}
bool is_number(const Value& value) {
  double number = 0;
  return value.as_number(number);
}
bool is_sequence(const Value& value) {
  const auto* sequence = value.sequence();
  return value.is_undefined() || value.is_text() || value.mapping() ||
         (sequence && sequence->is_indexable());
}
bool is_callable(const Value& value) {
  return value.is_undefined() || (value.object() && value.object()->is_callable());
}
bool is_escaped(const Value& value) {
  return value.text() && value.text()->markup;
}

template <Comparison comparison>
Result<bool> compares(Runtime& runtime, const Value& value, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"other"}, 1));
  return compare(runtime, comparison, value, *bound[0]);
}

/// value % divisor == remainder
Result<bool> has_remainder(Runtime& runtime, const Value& value, const Value& divisor,
                           int64_t remainder) {
  if (value.is_text()) return template_error("expected a number, got str");
  WHET_TRY(const auto rest, arithmetic(runtime, Arithmetic::kModulo, value, divisor));
  return equal(runtime, rest, Value(remainder));
}

Result<bool> is_odd(Runtime& runtime, const Value& value, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  return has_remainder(runtime, value, Value(int64_t{2}), 1);
}

Result<bool> is_even(Runtime& runtime, const Value& value, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  return has_remainder(runtime, value, Value(int64_t{2}), 0);
}

Result<bool> is_divisible(Runtime& runtime, const Value& value, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"num"}, 1));
  return has_remainder(runtime, value, *bound[0], 0);
}

Result<bool> has_case(Runtime& runtime, const Value& value, const Arguments& arguments,
                      std::string_view method) {
  WHET_TRY_STATUS(bind(arguments, {}));
  WHET_TRY(auto text, to_text(runtime, value));
  WHET_TRY(const auto holds, find_text_method(method)(runtime, Value(std::move(text)), {}));
  return truthy(holds);
}

Result<bool> is_lower(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return has_case(runtime, value, arguments, "islower");
}
Result<bool> is_upper(Runtime& runtime, const Value& value, const Arguments& arguments) {
  return has_case(runtime, value, arguments, "isupper");
}

/// Python's `is`: identity for containers; small scalars are identical where equal and of one type.
Result<bool> is_same(Runtime& runtime, const Value& value, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"other"}, 1));
  const Value& other = *bound[0];
  if (value.data().index() != other.data().index()) return false;
  if (value.sequence()) return value.sequence() == other.sequence();
  if (value.mapping()) return value.mapping() == other.mapping();
  return equal(runtime, value, other);
}

Result<bool> names_filter(Runtime&, const Value& value, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  return value.text() && is_filter(value.text()->bytes);
}

Result<bool> names_predicate(Runtime&, const Value& value, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  return value.text() && is_predicate(value.text()->bytes);
}

struct NamedPredicate {
  std::string_view name;
  Predicate predicate;
};

constexpr NamedPredicate kPredicates[] = {
    {"!=", compares<Comparison::kNotEqual>},
    {"<", compares<Comparison::kLess>},
    {"<=", compares<Comparison::kLessEqual>},
    {"==", compares<Comparison::kEqual>},
    {">", compares<Comparison::kGreater>},
    {">=", compares<Comparison::kGreaterEqual>},
    {"boolean", plain<is_boolean>},
    {"callable", plain<is_callable>},
    {"defined", plain<is_defined>},
    {"divisibleby", is_divisible},
    {"eq", compares<Comparison::kEqual>},
    {"equalto", compares<Comparison::kEqual>},
    {"escaped", plain<is_escaped>},
    {"even", is_even},
    {"false", plain<is_false>},
    {"filter", names_filter},
    {"float", plain<is_real>},
    {"ge", compares<Comparison::kGreaterEqual>},
    {"greaterthan", compares<Comparison::kGreater>},
    {"gt", compares<Comparison::kGreater>},
    {"in", compares<Comparison::kIn>},
    {"integer", plain<is_integer>},
    {"iterable", plain<is_iterable>},
    {"le", compares<Comparison::kLessEqual>},
    {"lessthan", compares<Comparison::kLess>},
    {"lower", is_lower},
    {"lt", compares<Comparison::kLess>},
    {"mapping", plain<is_mapping>},
    {"ne", compares<Comparison::kNotEqual>},
    {"none", plain<is_none>},
    {"number", plain<is_number>},
    {"odd", is_odd},
    {"sameas", is_same},
    {"sequence", plain<is_sequence>},
    {"string", plain<is_text>},
    {"test", names_predicate},
    {"true", plain<is_true>},
    {"undefined", plain<is_undefined>},
    {"upper", is_upper},
};

Predicate find_predicate(std::string_view name) {
  for (const auto& [known, predicate] : kPredicates) {
    if (known == name) return predicate;
  }
  return nullptr;
}

}  // namespace

bool is_predicate(std::string_view name) {
  return find_predicate(name) != nullptr;
}

Result<bool> apply_predicate(Runtime& runtime, std::string_view name, const Value& value,
                             const Arguments& arguments) {
  const Predicate predicate = find_predicate(name);
  if (!predicate) return template_error(fmt::format("unknown test '{}'", name));
  WHET_TRY_STATUS(runtime.charge(1));
  auto result = predicate(runtime, value, arguments);
  if (result.ok()) return result;
  return result.error().with_context(fmt::format("test '{}'", name));
}

}  // namespace whet::jinja
