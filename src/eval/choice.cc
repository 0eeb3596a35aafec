#include "eval/choice.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/ascii.h"
#include "eval/answer.h"
#include "eval/mark.h"
#include "eval/notation.h"

namespace whet::eval {
namespace {

bool is_choice_letter(char c) {
  return c >= 'A' && c <= kLastChoice;
}

bool consume_lead(std::string_view& text, std::string_view word) {
  if (text.size() <= word.size()) return false;
  for (size_t i = 0; i < word.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(text[i])) != word[i]) return false;
  }
  if (is_letter_or_digit(text[word.size()])) return false;
  text.remove_prefix(word.size());
  text = unwrapped(text);
  return true;
}

/// The choice letter at `at`, if it stands alone: "(B)", "B." but not "Bob".
std::optional<char> lone_letter(std::string_view text, size_t at) {
  if (at >= text.size() || !is_choice_letter(text[at])) return std::nullopt;
  if (at > 0 && (is_letter_or_digit(text[at - 1]) || text[at - 1] == '\'')) return std::nullopt;
  if (at + 1 < text.size() && (is_letter_or_digit(text[at + 1]) || text[at + 1] == '\''))
    return std::nullopt;
  return text[at];
}

constexpr std::string_view kNaming[] = {
    "option",     "Option",     "choice", "Choice", "option is", "choice is",
    "option is:", "choice is:", "choose", "pick",   "select",    "letter"};

/// Whether `rest` names another choice right behind the first: "A or B", "A and C", "A, C".
bool goes_on(std::string_view rest) {
  constexpr std::string_view kJoints[] = {"or", "and", ",", "/", "&", "-", "to"};
  std::string_view next = rest;
  while (!next.empty() && std::string_view(" )].*").find(next.front()) != std::string_view::npos) {
    next.remove_prefix(1);
  }
  for (std::string_view joint : kJoints) {
    if (!next.starts_with(joint)) continue;
    std::string_view other = unwrapped(next.substr(joint.size()));
    consume_lead(other, "option");
    while (!other.empty() && (other.front() == '(' || other.front() == ' ')) other.remove_prefix(1);
    const auto letter = lone_letter(other, 0);
    // "B, A dog ..." begins an explanation.
    if (letter && (other.size() == 1 || other[1] != ' ' || joint != ",")) return true;
  }
  return false;
}

}  // namespace

bool is_choice_key(std::string_view key) {
  key = trimmed(key);
  return key.size() == 1 && is_choice_letter(key[0]);
}

std::optional<char> read_choice(std::string_view value) {
  const std::string plain = plain_notation(value);
  std::string_view text = unwrapped(plain);
  for (std::string_view word : {"the", "correct", "option", "choice", "answer", "letter", "is"}) {
    consume_lead(text, word);
  }
  while (!text.empty() &&
         std::string_view("([{$ :*").find(text.front()) != std::string_view::npos) {
    text.remove_prefix(1);
  }
  // A single small letter is a choice too; in a sentence it would be a word.
  if (const auto bare = unwrapped(text);
      bare.size() == 1 || (bare.size() == 2 && !is_letter_or_digit(bare[1]))) {
    const char upper = static_cast<char>(std::toupper(static_cast<unsigned char>(bare[0])));
    return is_choice_letter(upper) ? std::optional(upper) : std::nullopt;
  }
  const auto letter = lone_letter(text, 0);
  if (!letter) return std::nullopt;
  const std::string_view rest = text.substr(1);
  if (goes_on(rest)) return std::nullopt;
  // "A dog", "I think": words.
  const bool is_word = (*letter == 'A' || *letter == 'I') && rest.starts_with(' ') &&
                       rest.size() > 1 && std::isalpha(static_cast<unsigned char>(rest[1]));
  if (is_word) return std::nullopt;
  return letter;
}

std::optional<char> read_unmarked_choice(std::string_view text) {
  const std::string_view all = trimmed(text);
  if (all.empty()) return std::nullopt;
  const auto first_line = all.substr(0, all.find('\n'));
  const size_t newline = all.rfind('\n');
  const auto last_line = newline == std::string_view::npos ? all : all.substr(newline + 1);
  std::optional<char> chosen = read_choice(last_line);
  // The last of several lettered lines ends a list of the options.
  if (chosen && newline != std::string_view::npos) {
    const auto above = trimmed(all.substr(0, newline));
    const size_t line = above.rfind('\n');
    const auto before =
        read_choice(line == std::string_view::npos ? above : above.substr(line + 1));
    if (before && *before != *chosen) return std::nullopt;
  }
  if (const auto first = read_choice(first_line)) {
    if (chosen && *chosen != *first) return std::nullopt;
    chosen = first;
  }
  if (chosen) return chosen;
  for (size_t at = 0; at < all.size(); ++at) {
    if (!lone_letter(all, at)) continue;
    const auto before = all.substr(0, at);
    const bool in_parentheses = before.ends_with('(') && at + 1 < all.size() && all[at + 1] == ')';
    const bool in_bold = before.ends_with("**");
    const auto bare = before.substr(0, before.find_last_not_of(" (*") + 1);
    const auto names = [&](std::string_view word) { return bare.ends_with(word); };
    const bool named =
        bare.size() < before.size() && std::any_of(std::begin(kNaming), std::end(kNaming), names);
    if (!in_parentheses && !in_bold && !named) continue;
    const auto rest = all.substr(at, std::min(all.find('\n', at), all.size()) - at);
    if (goes_on(rest.substr(1))) return std::nullopt;
    const auto letter = read_choice(rest);
    if (!letter) continue;
    if (chosen && *chosen != *letter) return std::nullopt;
    chosen = letter;
  }
  return chosen;
}

}  // namespace whet::eval
