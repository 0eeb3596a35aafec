#include "eval/number.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "eval/magnitude.h"
#include "eval/notation.h"

namespace whet::eval {
namespace {

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
