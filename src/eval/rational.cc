#include "eval/rational.h"

#include <algorithm>
#include <cstdlib>

namespace whet::eval {
namespace {

using Integer = Number::Integer;

Integer gcd(Integer a, Integer b) {
  while (b != 0) {
    Integer r = a % b;
    a = b;
    b = r;
  }
  return a < 0 ? -a : a;
}

}  // namespace

std::string to_string(const Number& number) {
  const auto digits = [](Integer value) {
    std::string out;
    do {
      out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
      value /= 10;
    } while (value != 0);
    return out;
  };
  std::string out = number.numerator < 0 ? "-" : "";
  out += digits(number.numerator < 0 ? -number.numerator : number.numerator);
  if (number.denominator != 1) out += "/" + digits(number.denominator);
  return out;
}

std::optional<Number> reduced(Integer numerator, Integer denominator) {
  if (denominator == 0) return std::nullopt;
  if (denominator < 0) {
    numerator = -numerator;
    denominator = -denominator;
  }
  const Integer divisor = std::max<Integer>(gcd(numerator, denominator), 1);
  return Number{numerator / divisor, denominator / divisor};
}

std::optional<Number> product(const Number& a, const Number& b) {
  Integer numerator, denominator;
  if (__builtin_mul_overflow(a.numerator, b.numerator, &numerator)) return std::nullopt;
  if (__builtin_mul_overflow(a.denominator, b.denominator, &denominator)) return std::nullopt;
  return reduced(numerator, denominator);
}

std::optional<Number> quotient(const Number& a, const Number& b) {
  if (b.numerator == 0) return std::nullopt;
  return product(a, b.numerator < 0 ? Number{-b.denominator, -b.numerator}
                                    : Number{b.denominator, b.numerator});
}

std::optional<Number> sum(const Number& a, const Number& b) {
  Integer left, right, numerator, denominator;
  if (__builtin_mul_overflow(a.numerator, b.denominator, &left)) return std::nullopt;
  if (__builtin_mul_overflow(b.numerator, a.denominator, &right)) return std::nullopt;
  if (__builtin_add_overflow(left, right, &numerator)) return std::nullopt;
  if (__builtin_mul_overflow(a.denominator, b.denominator, &denominator)) return std::nullopt;
  return reduced(numerator, denominator);
}

Number negated(Number number) {
  number.numerator = -number.numerator;
  return number;
}

std::optional<Number> power(const Number& base, int exponent) {
  Number value{1, 1};
  for (int i = 0; i < std::abs(exponent); ++i) {
    const auto next = product(value, base);
    if (!next) return std::nullopt;
    if (*next == value) break;  // 0 and 1
    value = *next;
  }
  return exponent < 0 ? quotient(Number{1, 1}, value) : value;
}

}  // namespace whet::eval
