// Filters on numbers, and `default`.
#include <fmt/format.h>

#include <cmath>

#include "jinja/filter.h"
#include "jinja/number.h"
#include "jinja/operation.h"

namespace whet::jinja {
namespace {

Error undefined_number(const Value& value) {
  const auto& reason = value.undefined()->reason;
  return template_error(reason ? *reason : "the value is undefined");
}

Result<Value> absolute(Runtime&, const Value& input, const Arguments& arguments) {
  WHET_TRY_STATUS(bind(arguments, {}));
  int64_t integer = 0;
  if (input.as_integer(integer)) return integer < 0 ? negate(Value(integer)) : Value(integer);
  if (const auto* number = input.real()) return Value(std::fabs(*number));
  return template_error(fmt::format("expected a number, got {}", type_name(input)));
}

Result<Value> as_integer(Runtime&, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"default", "base"}));
  WHET_TRY(const auto base, integer_argument(bound[1], "base", 10));
  const Value otherwise = bound[0] ? *bound[0] : Value(int64_t{0});
  if (input.is_undefined()) return undefined_number(input);
  int64_t integer = 0;
  if (input.as_integer(integer)) return Value(integer);
  std::optional<double> number;
  if (const auto* text = input.text()) {
    if (const auto parsed = parse_integer(text->bytes, base)) return Value(*parsed);
    number = parse_real(text->bytes);
  } else if (const auto* real = input.real()) {
    number = *real;
    if (std::isinf(*real)) return template_error("infinity has no int");
  }
  if (!number || !std::isfinite(*number)) return otherwise;
  if (const auto truncated = truncate_real(*number)) return Value(*truncated);
  return template_error("the result does not fit an int of 64 bits");
}

Result<Value> as_real(Runtime&, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"default"}));
  if (input.is_undefined()) return undefined_number(input);
  double number = 0;
  if (input.as_number(number)) return Value(number);
  if (const auto* text = input.text()) {
    if (const auto parsed = parse_real(text->bytes)) return Value(*parsed);
  }
  return bound[0] ? *bound[0] : Value(0.0);
}

Result<Value> round(Runtime&, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"precision", "method"}));
  WHET_TRY(const auto precision, integer_argument(bound[0], "precision", 0));
  WHET_TRY(const auto method, text_argument(bound[1], "method", "common"));
  double number = 0;
  if (!input.as_number(number)) {
    return template_error(fmt::format("expected a number, got {}", type_name(input)));
  }
  if (method == "ceil" || method == "floor") {
    const double scale = std::pow(10.0, static_cast<double>(precision));
    const double scaled = number * scale;
    return Value((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
  }
  if (method != "common") return template_error("method: expected common, ceil or floor");
  int64_t integer = 0;
  if (!input.as_integer(integer)) return Value(round_real(number, precision));
  if (precision >= 0) return Value(integer);
  return Value(static_cast<int64_t>(round_real(number, precision)));
}

Result<Value> with_default(Runtime&, const Value& input, const Arguments& arguments) {
  WHET_TRY(const auto bound, bind(arguments, {"default_value", "boolean"}));
  if (!input.is_undefined() && (truthy(input) || !flag_argument(bound[1], false))) return input;
  return bound[0] ? *bound[0] : Value::constant_text("");
}

struct NumberFilter {
  std::string_view name;
  Builtin filter;
};

constexpr NumberFilter kNumberFilters[] = {
    {"abs", absolute},  {"d", with_default}, {"default", with_default},
    {"float", as_real}, {"int", as_integer}, {"round", round},
};

}  // namespace

Builtin find_number_filter(std::string_view name) {
  for (const auto& [known, filter] : kNumberFilters) {
    if (known == name) return filter;
  }
  return nullptr;
}

}  // namespace whet::jinja
