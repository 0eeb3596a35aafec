// Number: an exact rational, so that 0.5, 1/2 and .50 are equal and 0.1 + 0.2 never matters.
// Not a calculator: it reads and compares, nothing else.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// The number that `text` is, as a whole. Accepts a sign (also U+2212), digits with thousands
/// commas or underscores, a decimal part, an exponent, a fraction a/b, \frac{a}{b}, a currency sign
/// before, a percent sign or one period after (50% is 50), and `$`, `*`, backtick and quotes around
/// it. Nothing if it is not a number or has more than 36 digits.
std::optional<Number> parse_number(std::string_view text);

/// The numbers that occur in running text, in order. A minus sign counts if no digit or letter
/// stands before it ("10-3" is 10 and 3; "is -3" is -3). A comma groups only full triples.
std::vector<Number> find_numbers(std::string_view text);

}  // namespace whet::eval
