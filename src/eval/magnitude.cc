#include "eval/magnitude.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace whet::eval {
namespace {

using Integer = Number::Integer;
constexpr int kMaxDigits = 36;  // 10^36 < 2^127: a numerator of this length cannot overflow

/// Digits as groups with what stands between them: "1,234.5" is 1 234 5 and ",.".
struct Numeral {
  std::vector<std::string_view> groups;
  std::string separators;
};

bool are_triples(const Numeral& numeral, size_t n_groups) {
  if (n_groups < 2 || numeral.groups[0].size() > 3 || numeral.groups[0].empty()) return false;
  if (numeral.groups[0][0] == '0') return false;
  return std::all_of(numeral.groups.begin() + 1,
                     numeral.groups.begin() + static_cast<ptrdiff_t>(n_groups),
                     [](std::string_view group) { return group.size() == 3; });
}

/// 12,34,567: the last group has three digits, those before it two.
bool are_indian(const Numeral& numeral, size_t n_groups) {
  if (n_groups < 3 || numeral.groups[0].size() > 2 || numeral.groups[0].empty()) return false;
  if (numeral.groups[0][0] == '0' || numeral.groups[n_groups - 1].size() != 3) return false;
  return std::all_of(numeral.groups.begin() + 1,
                     numeral.groups.begin() + static_cast<ptrdiff_t>(n_groups) - 1,
                     [](std::string_view group) { return group.size() == 2; });
}

/// How many of the leading groups are the integer part; nothing if the separators are not those of
/// one number. A single comma before other than three digits may be a decimal comma or a list, a
/// second period a version: neither is guessed.
std::optional<size_t> integer_groups(const Numeral& numeral) {
  const std::string& separators = numeral.separators;
  if (separators.empty()) return 1;
  const char first = separators[0];
  const size_t same = std::min(separators.find_first_not_of(first), separators.size());
  if (first == '.') {
    if (same == 1 && separators.size() == 1) return 1;
    const bool decimal_comma = separators.size() == same + 1 && separators[same] == ',';
    if (!are_triples(numeral, same + 1)) return std::nullopt;
    return same == separators.size() || decimal_comma ? std::optional(same + 1) : std::nullopt;
  }
  if (!are_triples(numeral, same + 1) && !(first == ',' && are_indian(numeral, same + 1))) {
    return std::nullopt;
  }
  const bool decimals = separators.size() == same + 1 && separators[same] == '.';
  return same == separators.size() || decimals ? std::optional(same + 1) : std::nullopt;
}

std::optional<Number> value_of(const Numeral& numeral, int exponent) {
  const auto n_integer = integer_groups(numeral);
  if (!n_integer) return std::nullopt;
  std::string digits;
  for (size_t i = 0; i < numeral.groups.size(); ++i) {
    digits.append(numeral.groups[i]);
    if (i >= *n_integer)
      exponent -= static_cast<int>(std::min<size_t>(numeral.groups[i].size(), 999));
  }
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.empty()) return Number{};
  const int n_digits = static_cast<int>(std::min<size_t>(digits.size(), kMaxDigits + 1));
  if (n_digits > kMaxDigits || n_digits + exponent > kMaxDigits || exponent < -kMaxDigits) {
    return std::nullopt;
  }
  Integer value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  const auto scale = power(Number{10, 1}, exponent);
  return scale ? product(Number{value, 1}, *scale) : std::nullopt;
}

/// An integer with a sign, in braces, parentheses or bare, behind "^" at `at`.
std::optional<std::pair<int, size_t>> scan_exponent(std::string_view text, size_t at) {
  at = skip_spaces(text, at);
  const char open = at_or_nul(text, at);
  const bool wrapped = open == '{' || open == '(';
  if (wrapped) at = skip_spaces(text, at + 1);
  const bool negative = at_or_nul(text, at) == '-';
  if (negative || at_or_nul(text, at) == '+') ++at;
  if (!starts_with_digit(text, at)) return std::nullopt;
  int value = 0;
  for (; starts_with_digit(text, at); ++at) value = std::min(value * 10 + (text[at] - '0'), 999);
  if (wrapped) {
    at = skip_spaces(text, at);
    if (at_or_nul(text, at) != (open == '{' ? '}' : ')')) return std::nullopt;
    ++at;
  }
  return std::pair(negative ? -value : value, at);
}

/// An unsigned decimal at `at`, which starts with a digit or a point before one, with its
/// exponents: 1,234.5, 1e3, 2^10.
Scan scan_decimal(std::string_view text, size_t at) {
  Numeral numeral;
  const auto digits = [&] {
    const size_t start = at;
    while (starts_with_digit(text, at)) ++at;
    numeral.groups.push_back(text.substr(start, at - start));
  };
  digits();
  while (std::string_view(".,_'").find(at_or_nul(text, at)) != std::string_view::npos &&
         at < text.size() && starts_with_digit(text, at + 1)) {
    numeral.separators.push_back(text[at++]);
    digits();
  }
  // Spaces group only a number that has no other separator before them: 70 000, 1 234 567.8.
  const auto triple_follows = [&] {
    return at_or_nul(text, at) == ' ' && starts_with_digit(text, at + 1) &&
           starts_with_digit(text, at + 2) && starts_with_digit(text, at + 3) &&
           !starts_with_digit(text, at + 4);
  };
  if (numeral.separators.empty() && numeral.groups[0].size() <= 3 &&
      numeral.groups[0].substr(0, 1) != "0") {
    while (triple_follows()) {
      numeral.separators.push_back(' ');
      ++at;
      digits();
    }
    if (!numeral.separators.empty() && at_or_nul(text, at) == '.' &&
        starts_with_digit(text, at + 1)) {
      numeral.separators.push_back('.');
      ++at;
      digits();
    }
  }
  int exponent = 0;
  if (at_or_nul(text, at) == 'e' || at_or_nul(text, at) == 'E') {
    const char sign = at_or_nul(text, at + 1);
    const bool follows =
        is_digit(sign) || ((sign == '-' || sign == '+') && starts_with_digit(text, at + 2));
    if (follows) {
      const auto read = scan_exponent(text, at + 1);
      exponent = read->first;
      at = read->second;
    }
  }
  std::optional<Number> value = value_of(numeral, exponent);
  if (const size_t caret = skip_spaces(text, at); at_or_nul(text, caret) == '^') {
    const auto read = scan_exponent(text, caret + 1);
    if (!read) return {std::nullopt, caret + 1};
    value = value ? power(*value, read->first) : std::nullopt;
    at = read->second;
  }
  return {value, at};
}

constexpr size_t kMaxArgumentBytes = 64;  // a longer argument holds more than a number

/// One argument of \frac at `at`: {number} or a single digit.
std::optional<Scan> scan_argument(std::string_view text, size_t at) {
  at = skip_spaces(text, at);
  if (starts_with_digit(text, at)) return Scan{Number{text[at] - '0', 1}, at + 1};
  if (at_or_nul(text, at) != '{') return std::nullopt;
  const size_t length = text.substr(at, kMaxArgumentBytes).find('}');
  if (length == std::string_view::npos) return std::nullopt;
  const size_t close = at + length;
  std::string_view inside = text.substr(at + 1, close - at - 1);
  const size_t first = skip_spaces(inside, 0);
  const bool negative = at_or_nul(inside, first) == '-';
  const size_t start = skip_spaces(inside, first + negative);
  if (!starts_with_digit(inside, start) && at_or_nul(inside, start) != '.') return std::nullopt;
  Scan scan = scan_decimal(inside, start);
  if (!scan.number || skip_spaces(inside, scan.end) != inside.size()) return std::nullopt;
  return Scan{negative ? negated(*scan.number) : *scan.number, close + 1};
}

bool is_proper_fraction(const Number& number) {
  return number.numerator > 0 && number.numerator < number.denominator;
}

/// The fraction below one behind an integer that ends at `at`: 2 1/2, 2\frac{1}{2}.
std::optional<Scan> scan_mixed_part(std::string_view text, size_t at) {
  const size_t start = skip_spaces(text, at);
  if (start < text.size()) {
    if (const auto scan = scan_latex_fraction(text, start)) {
      return scan->number && is_proper_fraction(*scan->number) ? scan : std::nullopt;
    }
  }
  if (start == at || !starts_with_digit(text, start)) return std::nullopt;
  size_t end = start;
  Integer parts[2] = {0, 0};
  for (int i = 0; i < 2; ++i) {
    const size_t first = end;
    while (starts_with_digit(text, end) && end - first < 9)
      parts[i] = parts[i] * 10 + (text[end++] - '0');
    if (first == end || (i == 0 && at_or_nul(text, end++) != '/')) return std::nullopt;
  }
  const char next = at_or_nul(text, end);
  const bool goes_on = is_digit(next) || ((next == '/' || next == '.' || next == ',') &&
                                          starts_with_digit(text, end + 1));
  const auto value = reduced(parts[0], parts[1]);
  if (goes_on || !value || !is_proper_fraction(*value)) return std::nullopt;
  return Scan{*value, end};
}

/// What stands in front of 10^n in "3.6 * 10^3", "2 x 10^3"; nothing else is multiplied.
std::optional<Scan> scan_power_of_ten(std::string_view text, size_t at) {
  at = skip_spaces(text, at);
  const char sign = at_or_nul(text, at);
  if (sign != '*' && sign != 'x' && sign != 'X') return std::nullopt;
  at = skip_spaces(text, at + 1);
  const size_t caret = skip_spaces(text, at + 2);
  if (text.substr(std::min(at, text.size()), 2) != "10" || at_or_nul(text, caret) != '^') {
    return std::nullopt;
  }
  const auto exponent = scan_exponent(text, caret + 1);
  if (!exponent) return std::nullopt;
  return Scan{power(Number{10, 1}, exponent->first), exponent->second};
}

}  // namespace

std::optional<Scan> scan_latex_fraction(std::string_view text, size_t at) {
  if (!text.substr(at).starts_with(kFrac)) return std::nullopt;
  const auto above = scan_argument(text, at + kFrac.size());
  if (!above) return std::nullopt;
  const auto below = scan_argument(text, above->end);
  if (!below) return std::nullopt;
  return Scan{quotient(*above->number, *below->number), below->end};
}

Scan scan_magnitude(std::string_view text, size_t at) {
  if (const auto scan = scan_latex_fraction(text, at)) return *scan;
  Scan scan = scan_decimal(text, at);
  if (!scan.number) return scan;
  if (const auto ten = scan_power_of_ten(text, scan.end)) {
    return {ten->number ? product(*scan.number, *ten->number) : std::nullopt, ten->end};
  }
  if (scan.number->denominator == 1) {
    if (const auto part = scan_mixed_part(text, scan.end)) {
      return {sum(*scan.number, *part->number), part->end};
    }
  }
  const size_t slash = skip_spaces(text, scan.end);
  const size_t below = skip_spaces(text, slash + 1);
  if (at_or_nul(text, slash) != '/' || !starts_with_digit(text, below)) return scan;
  Scan divisor = scan_decimal(text, below);
  std::optional<Number> value =
      divisor.number ? quotient(*scan.number, *divisor.number) : std::nullopt;
  // A third part makes it a date.
  while (at_or_nul(text, divisor.end) == '/' && starts_with_digit(text, divisor.end + 1)) {
    divisor = scan_decimal(text, divisor.end + 1);
    value = std::nullopt;
  }
  return {value, divisor.end};
}

}  // namespace whet::eval
