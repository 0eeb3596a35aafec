#include "eval/number.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

namespace whet::eval {
namespace {

using Integer = Number::Integer;
constexpr int kMaxDigits = 36;  // 10^36 < 2^127: a numerator of this length cannot overflow

constexpr std::string_view kUnicodeMinus = "\xe2\x88\x92";
constexpr std::string_view kCurrencies[] = {"$", "\xe2\x82\xac", "\xc2\xa3", "\\$"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool starts_with_digit(std::string_view text, size_t at) {
  return at < text.size() && is_digit(text[at]);
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

Integer power_of_ten(int exponent) {
  Integer power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

struct Scan {
  Number number;
  size_t end;
};

/// Digits at `at`, with commas or underscores between full triples; fails on none.
/// Appends the digits and returns the end.
size_t scan_digits(std::string_view text, size_t at, std::string& digits) {
  while (starts_with_digit(text, at)) digits.push_back(text[at++]);
  if (digits.empty() || digits.size() > 3) return at;
  const auto triple = [&](size_t i) {
    return i + 3 < text.size() && (text[i] == ',' || text[i] == '_') && is_digit(text[i + 1]) &&
           is_digit(text[i + 2]) && is_digit(text[i + 3]) && !starts_with_digit(text, i + 4);
  };
  while (triple(at)) {
    digits.append(text.substr(at + 1, 3));
    at += 4;
  }
  return at;
}

/// An unsigned decimal with an optional exponent, at `at`.
std::optional<Scan> scan_decimal(std::string_view text, size_t at) {
  std::string digits;
  at = scan_digits(text, at, digits);
  int exponent = 0;
  if (at < text.size() && text[at] == '.' && starts_with_digit(text, at + 1)) {
    for (++at; starts_with_digit(text, at); ++at) {
      digits.push_back(text[at]);
      if (--exponent < -kMaxDigits) return std::nullopt;
    }
  }
  if (digits.empty()) return std::nullopt;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    size_t i = at + 1;
    const bool negative = i < text.size() && text[i] == '-';
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
    if (starts_with_digit(text, i)) {
      int written = 0;
      for (; starts_with_digit(text, i); ++i)
        written = std::min(written * 10 + (text[i] - '0'), 999);
      exponent += negative ? -written : written;
      at = i;
    }
  }
  const size_t first = std::min(digits.find_first_not_of('0'), digits.size());
  const int n_digits = static_cast<int>(std::min<size_t>(digits.size() - first, kMaxDigits + 1));
  if (n_digits == 0) return Scan{Number{}, at};
  if (n_digits + std::max(exponent, 0) > kMaxDigits || exponent < -kMaxDigits) return std::nullopt;
  Integer value = 0;
  for (char c : digits) value = value * 10 + (c - '0');
  const auto number = exponent >= 0 ? reduced(value * power_of_ten(exponent), 1)
                                    : reduced(value, power_of_ten(-exponent));
  return Scan{*number, at};
}

std::optional<Number> quotient(const Number& a, const Number& b) {
  Integer numerator, denominator;
  if (__builtin_mul_overflow(a.numerator, b.denominator, &numerator)) return std::nullopt;
  if (__builtin_mul_overflow(a.denominator, b.numerator, &denominator)) return std::nullopt;
  return reduced(numerator, denominator);
}

Number negated(Number number) {
  number.numerator = -number.numerator;
  return number;
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

void consume_currency(std::string_view& text) {
  for (std::string_view currency : kCurrencies) {
    if (consume(text, currency)) break;
  }
  while (consume(text, " ")) {
  }
}

/// a/b or \frac{a}{b} or a decimal, unsigned, the whole of `text`.
std::optional<Number> parse_unsigned(std::string_view text) {
  for (std::string_view frac : {"\\frac{", "\\dfrac{", "\\tfrac{"}) {
    if (!consume(text, frac)) continue;
    const size_t middle = text.find("}{");
    if (middle == std::string_view::npos || !text.ends_with("}")) return std::nullopt;
    const auto a = parse_number(text.substr(0, middle));
    const auto b = parse_number(text.substr(middle + 2, text.size() - middle - 3));
    return a && b ? quotient(*a, *b) : std::nullopt;
  }
  const auto first = scan_decimal(text, 0);
  if (!first) return std::nullopt;
  text.remove_prefix(first->end);
  if (text.empty()) return first->number;
  strip_wrapping(text);
  if (!consume(text, "/")) return std::nullopt;
  strip_wrapping(text);
  const auto second = scan_decimal(text, 0);
  if (!second || second->end != text.size()) return std::nullopt;
  return quotient(first->number, second->number);
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
  strip_wrapping(text);
  consume_end(text, ".");
  strip_wrapping(text);
  consume_end(text, "$");  // $42$
  if (!consume_end(text, "\\%")) consume_end(text, "%");
  strip_wrapping(text);
  consume_currency(text);
  const bool negative = consume(text, "-") || consume(text, kUnicodeMinus);
  if (!negative) consume(text, "+");
  strip_wrapping(text);
  consume_currency(text);
  if (text.empty()) return std::nullopt;
  const auto number = parse_unsigned(text);
  if (!number) return std::nullopt;
  return negative ? negated(*number) : *number;
}

std::vector<Number> find_numbers(std::string_view text) {
  std::vector<Number> found;
  for (size_t at = 0; at < text.size();) {
    const bool point = text[at] == '.' && starts_with_digit(text, at + 1);
    if (!is_digit(text[at]) && !point) {
      ++at;
      continue;
    }
    const size_t start = at;
    const auto before = text.substr(0, start);
    const size_t minus_bytes = before.ends_with('-')             ? 1
                               : before.ends_with(kUnicodeMinus) ? kUnicodeMinus.size()
                                                                 : 0;
    const auto ahead = before.substr(0, start - minus_bytes);
    const bool binary = !ahead.empty() && (std::isalnum(static_cast<unsigned char>(ahead.back())) ||
                                           ahead.back() == ')');
    const auto scan = scan_decimal(text, at);
    if (!scan) {  // too long to hold: skip its digits
      while (at < text.size() && (is_digit(text[at]) || text[at] == '.')) ++at;
      continue;
    }
    Number number = scan->number;
    at = scan->end;
    if (at < text.size() && text[at] == '/' && starts_with_digit(text, at + 1)) {
      const auto divisor = scan_decimal(text, at + 1);
      if (divisor) {
        if (const auto fraction = quotient(number, divisor->number)) number = *fraction;
        at = divisor->end;
      }
    }
    found.push_back(minus_bytes > 0 && !binary ? negated(number) : number);
  }
  return found;
}

}  // namespace whet::eval
