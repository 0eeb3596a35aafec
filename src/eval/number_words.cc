#include "eval/number_words.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <string>
#include <vector>

namespace whet::eval {
namespace {

struct Word {
  std::string_view text;
  int64_t value;
};

constexpr Word kSmall[] = {{"zero", 0},     {"one", 1},        {"two", 2},       {"three", 3},
                           {"four", 4},     {"five", 5},       {"six", 6},       {"seven", 7},
                           {"eight", 8},    {"nine", 9},       {"ten", 10},      {"eleven", 11},
                           {"twelve", 12},  {"thirteen", 13},  {"fourteen", 14}, {"fifteen", 15},
                           {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19},
                           {"twenty", 20},  {"thirty", 30},    {"forty", 40},    {"fifty", 50},
                           {"sixty", 60},   {"seventy", 70},   {"eighty", 80},   {"ninety", 90}};
constexpr Word kLarge[] = {{"thousand", 1'000}, {"million", 1'000'000}, {"billion", 1'000'000'000}};

template <size_t n>
std::optional<int64_t> value_in(const Word (&words)[n], std::string_view word) {
  for (const Word& known : words) {
    if (known.text == word) return known.value;
  }
  return std::nullopt;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (char c : text) {
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    if (letter) {
      if (!in_word) words.emplace_back();
      words.back().push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    } else if (c != ' ' && c != '-' && c != '.' && c != '*' && c != '\n') {
      words.emplace_back(1, c);
    }
    in_word = letter;
  }
  return words;
}

}  // namespace

std::optional<Number> parse_number_words(std::string_view text) {
  constexpr size_t kMaxBytes = 120;
  if (text.size() > kMaxBytes) return std::nullopt;
  const auto words = words_of(text);
  size_t at = 0;
  const bool negative = !words.empty() && (words[0] == "minus" || words[0] == "negative");
  if (negative) ++at;
  int64_t total = 0;
  int64_t group = 0;
  int64_t room = INT64_MAX;  // the next small word must be below this: "twenty one", not "one two"
  int64_t last_large = INT64_MAX;
  bool any = false;
  for (; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (const auto small = value_in(kSmall, word)) {
      if (*small >= room) return std::nullopt;
      group += *small;
      room = *small >= 20 ? 10 : 1;
      any = true;
    } else if (word == "hundred" && any && group > 0 && group < 100) {
      group *= 100;
      room = 100;
    } else if (const auto large = value_in(kLarge, word); large && any && *large < last_large) {
      total += group * *large;
      last_large = *large;
      group = 0;
      room = 1000;
    } else if (word == "and" && any && at + 1 < words.size() && value_in(kSmall, words[at + 1]) &&
               room >= 100 && room != INT64_MAX) {
      // two hundred and five
    } else {
      break;
    }
  }
  constexpr size_t kMaxUnitWords = 2;
  if (!any || words.size() - at > kMaxUnitWords) return std::nullopt;
  for (size_t i = at; i < words.size(); ++i) {
    const bool unit = words[i].size() > 1 && !value_in(kSmall, words[i]) && words[i] != "or" &&
                      words[i] != "and" && words[i] != "of" && words[i] != "to";
    if (!unit) return std::nullopt;
  }
  const int64_t value = total + group;
  return Number{negative ? -value : value, 1};
}

}  // namespace whet::eval
