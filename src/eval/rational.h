// Number: an exact rational, so that 0.5, 1/2 and .50 are equal and 0.1 + 0.2 never matters.
#pragma once

#include <optional>
#include <string>

namespace whet::eval {

/// numerator / denominator, reduced, denominator > 0.
struct Number {
  __extension__ using Integer = __int128;
  Integer numerator = 0;
  Integer denominator = 1;

  bool operator==(const Number&) const = default;
};

/// "-7", "5/2": one spelling per value.
std::string to_string(const Number& number);

/// numerator / denominator; nothing if the denominator is 0.
std::optional<Number> reduced(Number::Integer numerator, Number::Integer denominator);

/// Nothing where a part of the result does not fit; of quotient() also where it divides by 0.
std::optional<Number> product(const Number& a, const Number& b);
std::optional<Number> quotient(const Number& a, const Number& b);
std::optional<Number> sum(const Number& a, const Number& b);
/// base^exponent.
std::optional<Number> power(const Number& base, int exponent);

Number negated(Number number);

}  // namespace whet::eval
