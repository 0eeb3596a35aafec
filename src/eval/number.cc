#include "eval/number.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "base/ascii.h"
#include "eval/notation.h"

namespace whet::eval {
namespace {

using Integer = Number::Integer;
constexpr int kMaxDigits = 36;  // 10^36 < 2^127: a numerator of this length cannot overflow

char at_or_nul(std::string_view text, size_t at) {
  return at < text.size() ? text[at] : '\0';
}

bool starts_with_digit(std::string_view text, size_t at) {
  return is_digit(at_or_nul(text, at));
}

size_t skip_spaces(std::string_view text, size_t at) {
  while (at_or_nul(text, at) == ' ') ++at;
  return at;
}

Integer gcd(Integer a, Integer b) {
  while (b != 0) {
    Integer r = a % b;
    a = b;
    b = r;
  }
  return a < 0 ? -a : a;
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

/// base^exponent; nothing if it does not fit.
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

struct Scan {
  std::optional<Number> number;  // nothing: read to `end`, but no single number
  size_t end;
};

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

constexpr std::string_view kFrac = "\\frac";

/// \frac at `at`; nothing if no \frac of two numbers stands there.
std::optional<Scan> scan_latex_fraction(std::string_view text, size_t at) {
  if (!text.substr(at).starts_with(kFrac)) return std::nullopt;
  const auto above = scan_argument(text, at + kFrac.size());
  if (!above) return std::nullopt;
  const auto below = scan_argument(text, above->end);
  if (!below) return std::nullopt;
  return Scan{quotient(*above->number, *below->number), below->end};
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

/// A number without sign: a decimal, a fraction, a mixed number, a power of ten.
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

struct Scale {
  std::string_view word;
  int exponent;
};

constexpr Scale kScaleWords[] = {
    {"hundred", 2},    {"thousand", 3}, {"thousands", 3}, {"million", 6},
    {"millions", 6},   {"billion", 9},  {"billions", 9},  {"trillion", 12},
    {"trillions", 12}, {"lakh", 5},     {"lakhs", 5},     {"crore", 7},
    {"crores", 7},     {"mn", 6},       {"mln", 6},       {"bn", 9}};

/// The scale word or letter behind a number that ends at `at`. Letters must touch it, and "m" is a
/// million only of money: 5 m is a length.
std::optional<std::pair<int, size_t>> scan_scale(std::string_view text, size_t at, bool is_money) {
  const size_t start = skip_spaces(text, at);
  size_t end = start;
  while (end < text.size() && is_letter(text[end])) ++end;
  if (starts_with_digit(text, end)) return std::nullopt;
  std::string word(text.substr(start, end - start));
  if (word.size() == 1) {
    if (start != at) return std::nullopt;
    if (word == "k" || word == "K") return std::pair(3, end);
    if (word == "M" || (word == "m" && is_money)) return std::pair(6, end);
    if (word == "B" || (word == "b" && is_money)) return std::pair(9, end);
    return std::nullopt;
  }
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const Scale& scale : kScaleWords) {
    if (word == scale.word) return std::pair(scale.exponent, end);
  }
  return std::nullopt;
}

/// A number without sign at `at` with its scale words and percent sign. Letters and digits that
/// touch it make it a part of a word ("2x3", "4a5"): no number.
Scan scan_quantity(std::string_view text, size_t at, bool is_money) {
  Scan scan = scan_magnitude(text, at);
  while (const auto scale = scan_scale(text, scan.end, is_money)) {
    if (scan.number) {
      const auto factor = power(Number{10, 1}, scale->first);
      scan.number = factor ? product(*scan.number, *factor) : std::nullopt;
    }
    scan.end = scale->second;
  }
  size_t word = scan.end;
  while (word < text.size() && is_letter(text[word])) ++word;
  if (word > scan.end && starts_with_digit(text, word)) {
    while (word < text.size() && (is_letter(text[word]) || is_digit(text[word]))) ++word;
    return {std::nullopt, word};
  }
  if (const size_t percent = skip_spaces(text, scan.end); at_or_nul(text, percent) == '%') {
    scan.end = percent + 1;
  }
  return scan;
}

bool consume(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool consume_end(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

/// Spaces, quotes and Markdown or LaTeX marks that people put around a value.
void strip_wrapping(std::string_view& text) {
  constexpr std::string_view kAround = " \t\r\n*`'\"";
  while (!text.empty() && kAround.find(text.front()) != std::string_view::npos)
    text.remove_prefix(1);
  while (!text.empty() && kAround.find(text.back()) != std::string_view::npos)
    text.remove_suffix(1);
}

bool consume_word(std::string_view& text, std::string_view word) {
  if (text.size() <= word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(text[i])) != word[i]) return false;
  }
  const char next = text[word.size()];
  if (next != ' ' && next != '.' && !is_digit(next)) return false;
  text.remove_prefix(word.size());
  while (consume(text, " ")) {
  }
  return true;
}

bool consume_currency(std::string_view& text) {
  bool found = false;
  for (std::string_view code : {"usd", "eur", "gbp", "inr", "us", "rs."}) {
    if (consume_word(text, code)) found = true;
  }
  // "$$18$$" is display mathematics, "US$18" a currency.
  while (consume(text, "$")) found = true;
  while (consume(text, " ")) {
  }
  return found;
}

/// Where the minus sign of the number at `start` stands: "-", "minus" or "negative". Nothing if
/// there is none, or if it subtracts.
std::optional<size_t> sign_before(std::string_view text, size_t start) {
  const auto binary = [&](std::string_view ahead) {
    return !ahead.empty() &&
           (std::isalnum(static_cast<unsigned char>(ahead.back())) || ahead.back() == ')');
  };
  std::string_view before = text.substr(0, start);
  if (before.ends_with('-')) {
    before.remove_suffix(1);
    return binary(before) ? std::nullopt : std::optional(start - 1);
  }
  const auto bare = before.substr(0, before.find_last_not_of(' ') + 1);
  if (bare.size() == before.size()) return std::nullopt;
  for (std::string_view word : {"minus", "negative"}) {
    if (bare.size() < word.size()) continue;
    const size_t at = bare.size() - word.size();
    const bool same =
        std::equal(word.begin(), word.end(), bare.begin() + static_cast<ptrdiff_t>(at),
                   [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
    if (!same || (at > 0 && is_letter(text[at - 1]))) continue;
    const auto ahead = text.substr(0, text.substr(0, at).find_last_not_of(' ') + 1);
    const bool subtracts =
        word == "minus" && !ahead.empty() && (is_digit(ahead.back()) || ahead.back() == ')');
    if (!subtracts) return at;
  }
  return std::nullopt;
}

/// The end of a run of letters and digits: a word such as x2 or H2O.
size_t skip_word(std::string_view text, size_t at) {
  while (at < text.size() &&
         (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_')) {
    ++at;
  }
  return at;
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

std::optional<Number> parse_number(std::string_view text) {
  const std::string plain = plain_notation(text);
  text = plain;
  strip_wrapping(text);
  consume_end(text, ".");
  strip_wrapping(text);
  while (consume_end(text, "$")) {  // $42$
  }
  strip_wrapping(text);
  bool is_money = consume_currency(text);
  const bool negative =
      consume(text, "-") || consume_word(text, "minus") || consume_word(text, "negative");
  if (!negative) consume(text, "+");
  strip_wrapping(text);
  is_money |= consume_currency(text);
  const bool starts = starts_with_digit(text, 0) || text.starts_with(kFrac) ||
                      (text.starts_with('.') && starts_with_digit(text, 1));
  if (!starts || (text.starts_with(kFrac) && !scan_latex_fraction(text, 0))) return std::nullopt;
  const Scan scan = scan_quantity(text, 0, is_money);
  if (!scan.number || scan.end != text.size()) return std::nullopt;
  return negative ? negated(*scan.number) : *scan.number;
}

std::vector<NumberSpan> find_numbers(std::string_view plain) {
  std::vector<NumberSpan> found;
  for (size_t at = 0; at < plain.size();) {
    const bool starts =
        is_digit(plain[at]) || (plain[at] == '.' && starts_with_digit(plain, at + 1));
    const bool fraction = plain[at] == '\\' && scan_latex_fraction(plain, at);
    if (!starts && !fraction) {
      ++at;
      continue;
    }
    const char before = at > 0 ? plain[at - 1] : ' ';
    // "No.5", "Rs.500": the point belongs to the word.
    if (plain[at] == '.' && is_letter(before)) {
      ++at;
      continue;
    }
    const std::string_view head = plain.substr(0, at);
    const bool after_code = head.ends_with("USD") || head.ends_with("EUR") ||
                            head.ends_with("Rs") || head.ends_with("INR") || head.ends_with("GBP");
    if (starts && (is_letter(before) || before == '_') && !after_code) {
      at = std::max(skip_word(plain, at), at + 1);
      continue;
    }
    // cm^2, x^.5: the exponent of a unit.
    if (starts && before == '^' && at > 1 && is_letter(plain[at - 2])) {
      ++at;  // the point of one that begins with it
      while (starts_with_digit(plain, at)) ++at;
      continue;
    }
    size_t begin = at;
    while (begin > 0 && plain[begin - 1] == '$') --begin;
    const bool is_money = begin < at || after_code;
    const auto sign = sign_before(plain, begin);
    const Scan scan = scan_quantity(plain, at, is_money);
    NumberSpan span{scan.number, sign.value_or(begin), scan.end};
    if (span.number && sign) span.number = negated(*span.number);
    // $-5: the sign stands behind the currency.
    if (sign && *sign > 0 && plain[*sign - 1] == '$') span.begin = *sign - 1;
    found.push_back(span);
    at = std::max(scan.end, at + 1);
  }
  return found;
}

}  // namespace whet::eval
