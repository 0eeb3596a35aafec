#include "eval/numeric_answer.h"

#include <algorithm>
#include <cctype>
#include <span>
#include <string>
#include <vector>

#include "base/ascii.h"
#include "eval/answer.h"
#include "eval/number_words.h"
#include "eval/word_list.h"

namespace whet::eval {
namespace {

// Behind the answer they begin what only explains it: "18 dollars for 2 weeks".
constexpr std::string_view kSubordinators[] = {
    "(",  "for", "per",   "in",    "over",    "after", "before", "from",  "of",    "at",
    "on", "by",  "with",  "since", "because", "which", "that",   "than",  "if",    "when",
    "as", "so",  "while", "where", "not",     "out",   "each",   "using", "given", "instead"};
// Between two numbers they make one answer of both, or none.
constexpr std::string_view kConnectors[] = {
    "or",     "and", "to", "through", "versus", "vs", "plus", "minus", "times", "divided",
    "and/or", ":",   ";",  "-",       "/",      "&",  "+",    "*",     "|",     "^"};
constexpr std::string_view kCopulas[] = {"is",    "are", "was",   "were",  "equals",
                                         "equal", "be",  "makes", "gives", "total"};
constexpr std::string_view kConclusions[] = {"so",    "thus",   "hence", "therefore", "then",
                                             "total", "giving", "sum",   "answer",    "final",
                                             "the",   "which",  "we",    "altogether"};

NumericAnswer clear(const Number& number) {
  return {Clarity::kClear, number};
}

constexpr NumericAnswer kAmbiguous{Clarity::kAmbiguous, {}};
constexpr NumericAnswer kAbsent{Clarity::kAbsent, {}};

/// Lower-case words and single punctuation marks; emphasis is dropped.
std::vector<std::string> tokens_of(std::string_view text) {
  std::vector<std::string> tokens;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (is_letter_or_digit(c) || static_cast<unsigned char>(c) >= 0x80) {
      std::string word;
      for (; at < text.size() &&
             (is_letter_or_digit(text[at]) || static_cast<unsigned char>(text[at]) >= 0x80);
           ++at) {
        word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(text[at]))));
      }
      tokens.push_back(std::move(word));
      continue;
    }
    ++at;
    const bool emphasis =
        (c == '*' && (at < text.size() && text[at] == '*')) || c == '`' || c == '"';
    if (emphasis && c == '*') ++at;
    if (!emphasis && c != ' ' && c != '\n' && c != '\t' && c != '\r' && c != '$' && c != '_') {
      tokens.emplace_back(1, c);
    }
  }
  return tokens;
}

/// "**" is emphasis, not a product.
std::string without_emphasis(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at, 2) == "**" || text.substr(at, 2) == "__") {
      ++at;
    } else if (text[at] != '`') {
      out.push_back(text[at]);
    }
  }
  return out;
}

bool same_number(std::span<const NumberSpan> spans) {
  return std::all_of(spans.begin(), spans.end(), [&](const NumberSpan& span) {
    return span.number && span.number == spans.front().number;
  });
}

/// Whether what follows or precedes a number makes it a part of an expression: 2x, 3\sqrt{2},
/// x^2, 18 - 5, f(3).
bool is_in_expression(std::string_view text, const NumberSpan& span) {
  const std::string_view rest = text.substr(span.end);
  const std::string_view next = trimmed(rest);
  const auto single_letter = [](std::string_view word) {
    return !word.empty() && is_letter(word[0]) &&
           (word.size() == 1 || !is_letter_or_digit(word[1]));
  };
  if (!next.empty()) {
    const char c = next[0];
    const std::string_view operand = trimmed(next.substr(1));
    if (c == '\\' || c == '^' || c == '{') return true;
    if (c == '*' || c == '+') {
      return !operand.empty() &&
             (is_letter_or_digit(operand[0]) || operand[0] == '(' || operand[0] == '\\');
    }
    if (c == '-' || c == '/') {
      return !operand.empty() &&
             (std::isdigit(static_cast<unsigned char>(operand[0])) || operand[0] == '(' ||
              operand[0] == '\\' || (c == '-' && single_letter(operand)));
    }
    if (rest[0] == '(' && rest.find_first_of("0123456789") < rest.find(')')) return true;
    if (single_letter(rest) && std::string_view("xyzn").find(rest[0]) != std::string_view::npos) {
      return true;
    }
  }
  const std::string_view before = text.substr(0, span.begin);
  const std::string_view ahead = before.substr(0, before.find_last_not_of(" $") + 1);
  if (ahead.empty()) return false;
  const char c = ahead.back();
  if (c == '^' || c == '{' || c == '\\' || c == '<') return true;
  // "x > 5", but not "<b>5</b>".
  if (c == '>') return ahead.find('<') == std::string_view::npos;
  const std::string_view operand = trimmed(ahead.substr(0, ahead.size() - 1));
  if (c == '(') return ahead.size() > 1 && is_letter(ahead[ahead.size() - 2]);
  if (c == '*' || c == '+' || c == '/') {
    return !operand.empty() && (is_letter_or_digit(operand.back()) || operand.back() == ')');
  }
  // "x - 5", not "Total - 5".
  if (c != '-' || operand.empty()) return false;
  return operand.back() == ')' || std::isdigit(static_cast<unsigned char>(operand.back())) ||
         (is_letter(operand.back()) &&
          (operand.size() == 1 || !is_letter_or_digit(operand[operand.size() - 2])));
}

/// A LaTeX command that no number explains, or an inequality or a plus-minus in front.
bool is_symbolic(std::string_view text, std::span<const NumberSpan> spans) {
  for (size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at + 1)) {
    const bool inside = std::any_of(spans.begin(), spans.end(), [&](const NumberSpan& span) {
      return span.begin <= at && at < span.end;
    });
    if (!inside && at + 1 < text.size() && is_letter(text[at + 1])) return true;
  }
  const std::string_view start = trimmed(text);
  if (start.starts_with("\xc2\xb1") || start.starts_with("\xe2\x89\xa4") ||
      start.starts_with("\xe2\x89\xa5")) {
    return true;
  }
  return !start.empty() && (start[0] == '<' || start[0] == '>') && start.size() > 1 &&
         !is_letter(start[1]) && start[1] != '/';
}

enum class Gap { kExplains, kJoins, kUnknown };

/// What the text between the first two numbers says about them.
Gap gap_between(std::string_view gap) {
  const auto tokens = tokens_of(gap);
  // "1 in 4", "5 by 6", "3 out of 4": with no unit between them both numbers count.
  const bool bare = std::all_of(tokens.begin(), tokens.end(), [](const std::string& token) {
    return is_one_of(token, {"in", "by", "of", "at", "out", "x"});
  });
  if (bare || is_one_of(tokens.back(), {"and", "or", "&"})) return Gap::kJoins;
  for (const std::string& token : tokens) {
    if (is_one_of(token, kSubordinators)) {
      const bool alternative = token == "(" && tokens.back() == "or";
      return alternative ? Gap::kJoins : Gap::kExplains;
    }
    if (is_one_of(token, kConnectors)) return Gap::kJoins;
  }
  return Gap::kUnknown;
}

/// Up to the end of the sentence that the first number stands in.
std::string_view first_sentence(std::string_view text, size_t from) {
  for (size_t at = from; at < text.size(); ++at) {
    if (text[at] == '\n') return text.substr(0, at);
    const bool stop = text[at] == '.' || text[at] == '!' || text[at] == '?';
    if (stop && at + 2 < text.size() && (text[at + 1] == ' ' || text[at + 1] == '*') &&
        !std::isdigit(static_cast<unsigned char>(trimmed(text.substr(at + 1)).substr(0, 1)[0]))) {
      return text.substr(0, at);
    }
  }
  return text;
}

/// Parentheses, brackets and braces around all of it.
std::string_view without_brackets(std::string_view text) {
  text = trimmed(text);
  while (text.size() >= 2 && ((text.front() == '(' && text.back() == ')') ||
                              (text.front() == '[' && text.back() == ']') ||
                              (text.front() == '{' && text.back() == '}'))) {
    text = trimmed(text.substr(1, text.size() - 2));
  }
  return text;
}

/// The answer of a text without "=".
NumericAnswer read_phrase(std::string_view text) {
  text = without_brackets(text);
  if (const auto number = parse_number(text)) return clear(*number);
  auto spans = find_numbers(text);
  if (spans.empty()) {
    if (text.find_first_of("0123456789") != std::string_view::npos) return kAmbiguous;
    const auto number = parse_number_words(text);
    return number ? clear(*number) : kAbsent;
  }
  const std::string_view sentence = first_sentence(text, spans.front().end);
  std::erase_if(spans, [&](const NumberSpan& span) { return span.begin >= sentence.size(); });
  const NumberSpan& first = spans.front();
  if (!first.number || is_symbolic(sentence, spans)) return kAmbiguous;
  const bool leads = leads_with_number(sentence);
  if (spans.size() == 1 || same_number(spans)) {
    return is_in_expression(sentence, first) ? kAmbiguous : clear(*first.number);
  }
  const std::string_view gap = sentence.substr(first.end, spans[1].begin - first.end);
  if (leads) {
    const bool explains = gap_between(gap) == Gap::kExplains;
    return explains && !is_in_expression(sentence, first) ? clear(*first.number) : kAmbiguous;
  }
  // A sentence: what follows its last verb of being, if that is clear.
  for (size_t end = sentence.size(); end > 0;) {
    const size_t space = sentence.find_last_of(" \n*:", end - 1);
    const size_t start = space == std::string_view::npos ? 0 : space + 1;
    std::string word;
    for (char c : sentence.substr(start, end - start)) {
      word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    }
    const std::string_view after = sentence.substr(end);
    if (is_one_of(word, kCopulas) && after.find_first_of("0123456789") != std::string_view::npos) {
      const NumericAnswer answer = read_phrase(after);
      return answer.clarity == Clarity::kClear ? answer : kAmbiguous;
    }
    if (space == std::string_view::npos || space == 0) break;
    end = space;
  }
  NumericAnswer last = read_last_number(sentence);
  if (last.clarity == Clarity::kClear) last.clarity = Clarity::kGuess;
  return last;
}

/// "x = 5, y = 6": between two "=" stands a value and then the name of something else.
bool is_assignment_list(std::span<const std::string_view> sides) {
  for (size_t i = 1; i + 1 < sides.size(); ++i) {
    const auto tokens = tokens_of(sides[i]);
    bool value = false;
    bool separated = false;
    bool names = false;
    for (const std::string& token : tokens) {
      if (std::isdigit(static_cast<unsigned char>(token[0]))) {
        value = true;
        separated = names = false;
      } else if (value && is_one_of(token, {",", ";", "(", "or", "and", "&", "."})) {
        separated = true;
        names = false;
      } else if (separated) {
        if (is_one_of(token, kConclusions)) {
          separated = false;
        } else {
          names = true;
        }
      }
    }
    if (separated && names) return true;
    if (value && std::any_of(tokens.begin(), tokens.end(),
                             [](const std::string& token) { return token == "or"; })) {
      return true;
    }
  }
  return false;
}

/// The letter x of "x = 5"; NUL where no single letter is assigned.
char assigned_name(std::string_view text, const NumberSpan& span) {
  std::string_view before =
      trimmed(text.substr(0, span.begin).substr(span.begin - std::min<size_t>(span.begin, 16)));
  if (!before.ends_with('=')) return '\0';
  before = trimmed(before.substr(0, before.size() - 1));
  if (before.empty() || !is_letter(before.back())) return '\0';
  const bool alone = before.size() == 1 || !is_letter_or_digit(before[before.size() - 2]);
  return alone ? before.back() : '\0';
}

/// Without what is said to the reader at the end: "Would you like to see step 2?"
std::string_view without_closing_words(std::string_view text) {
  text = trimmed(text);
  while (text.ends_with('?') || text.ends_with('!')) {
    const size_t end = text.find_last_of(".!?\n", text.size() - 2);
    if (end == std::string_view::npos || end + 1 >= text.size() ||
        (text[end] != '\n' && text[end + 1] != ' ' && text[end + 1] != '\n')) {
      break;
    }
    const auto sentence = tokens_of(text.substr(end + 1));
    const bool to_reader = text.ends_with('?') ||
                           (!sentence.empty() && (sentence[0] == "let" || sentence[0] == "feel"));
    if (!to_reader) break;
    text = trimmed(text.substr(0, end + 1));
    if (text.empty()) break;
  }
  return text;
}

}  // namespace

bool leads_with_number(std::string_view plain) {
  const auto spans = find_numbers(plain);
  if (spans.empty()) return false;
  const auto head = tokens_of(plain.substr(0, spans.front().begin));
  return std::none_of(head.begin(), head.end(), [](const std::string& token) {
    return is_letter(token[0]) || static_cast<unsigned char>(token[0]) >= 0x80;
  });
}

NumericAnswer read_value(std::string_view plain) {
  const std::string bare = without_emphasis(plain);
  const std::string_view text = bare;
  if (const auto number = parse_number(without_brackets(text))) return clear(*number);
  const auto spans = find_numbers(text);
  if (spans.size() > 1 && spans[0].number) {
    // "18, since 9 * 2 = 18": the equation explains the number that stands before it.
    const std::string_view gap = text.substr(spans[0].end, spans[1].begin - spans[0].end);
    if (leads_with_number(text) && gap.find('=') == std::string_view::npos &&
        gap_between(gap) == Gap::kExplains) {
      return read_phrase(text);
    }
  }
  std::vector<std::string_view> sides;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('=', at), text.size());
    sides.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (sides.size() == 1) return read_phrase(text);
  if (is_assignment_list(sides)) return kAmbiguous;
  const NumericAnswer last = read_phrase(sides.back());
  if (last.clarity == Clarity::kClear) return last;
  // "18 = 9 * 2"
  const NumericAnswer first = read_phrase(sides.front());
  return first.clarity == Clarity::kClear ? first : kAmbiguous;
}

NumericAnswer read_last_number(std::string_view plain) {
  const std::string bare = without_emphasis(without_closing_words(plain));
  const std::string_view text = bare;
  auto spans = find_numbers(text);
  // "3. " at the start of a line counts the lines.
  std::erase_if(spans, [&](const NumberSpan& span) {
    const size_t line = text.substr(0, span.begin).find_last_not_of(" \t#") + 1;
    const bool starts_line = line == 0 || text[line - 1] == '\n';
    const std::string_view rest = text.substr(span.end);
    return starts_line && rest.size() > 1 && (rest[0] == '.' || rest[0] == ')') && rest[1] == ' ' &&
           !trimmed(rest.substr(1)).empty();
  });
  if (spans.empty()) return kAbsent;
  const NumberSpan& last = spans.back();
  if (!last.number || is_in_expression(text, last)) return kAmbiguous;
  const auto head =
      tokens_of(text.substr(0, last.begin).substr(last.begin - std::min<size_t>(last.begin, 24)));
  if (!head.empty() && head.back() == "not") return kAmbiguous;
  if (spans.size() == 1) return clear(*last.number);
  const NumberSpan& previous = spans[spans.size() - 2];
  const std::string_view gap = text.substr(previous.end, last.begin - previous.end);
  if (gap.find('\n') != std::string_view::npos || previous.number == last.number) {
    return clear(*last.number);
  }
  const auto tokens = tokens_of(gap);
  // "x = 3 or x = -2"; "x = 5, y = 6", but "2x = 32 and x = 16" goes on to its end.
  const char name = assigned_name(text, last);
  const char previous_name = assigned_name(text, previous);
  const bool alternative = std::find(tokens.begin(), tokens.end(), "or") != tokens.end();
  if (name != '\0' && previous_name != '\0' && tokens.size() <= 4 &&
      (alternative || name != previous_name)) {
    return kAmbiguous;
  }
  constexpr size_t kMaxUnitWords = 2;
  const bool joined =
      tokens.empty() || (tokens.size() <= kMaxUnitWords + 1 &&
                         (is_one_of(tokens.back(), kConnectors) || tokens.back() == ",") &&
                         std::none_of(tokens.begin(), tokens.end(),
                                      [](const std::string& token) { return token == "="; }));
  return joined ? kAmbiguous : clear(*last.number);
}

}  // namespace whet::eval
