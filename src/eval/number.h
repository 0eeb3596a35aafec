// Numbers in text. Not a calculator: it reads and compares, nothing else.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "eval/rational.h"

namespace whet::eval {

/// The number that `text` is, as a whole. Accepts what plain_notation() makes plain, and:
/// a sign, also "minus" or "negative"; groups of three digits between commas, underscores,
/// apostrophes, spaces or (two groups and more) periods, Indian groups; a decimal part; an exponent
/// (1e3, 10^3, 2 x 10^3); a fraction a/b or \frac{a}{b}, also behind an integer (2 1/2); a currency
/// sign or code; k, M, thousand, million and the like; a percent sign (50% is 50), one period at
/// the end; and `$`, `*`, backtick and quotes around it.
/// Nothing if it is not one number ("3,5", "1/2/3") or has more than 36 digits.
std::optional<Number> parse_number(std::string_view text);

/// Where running text shows a number: from its sign or currency sign to its scale word.
struct NumberSpan {
  std::optional<Number> number;  // nothing: digits that are no single number, e.g. "3,5", "1.2.3"
  size_t begin;
  size_t end;
};

/// The numbers of `plain` text (see plain_notation()), in order. A minus sign counts if no digit or
/// letter stands before it ("10-3" is 10 and 3; "is -3" is -3). Digits inside a word ("x2", "H2O")
/// are no number.
std::vector<NumberSpan> find_numbers(std::string_view plain);

}  // namespace whet::eval
