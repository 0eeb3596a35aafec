#include "eval/answer.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/ascii.h"
#include "eval/choice.h"
#include "eval/notation.h"
#include "eval/number.h"
#include "eval/numeric_answer.h"
#include "eval/reply.h"

namespace whet::eval {
namespace {

constexpr size_t kMaxLastLineBytes = 64;  // a longer last line is prose, not an answer

bool has_digit(std::string_view text) {
  return text.find_first_of("0123456789") != std::string_view::npos;
}

/// Whether the value of `mark` is an answer of this kind, clear or not.
bool holds_answer(AnswerKind kind, const Mark& mark) {
  switch (kind) {
    case AnswerKind::kNumeric:
      return has_digit(mark.value) || read_value(mark.value).clarity == Clarity::kClear;
    case AnswerKind::kChoice:
      return read_choice(mark.value).has_value();
    default:
      return !mark.value.empty();
  }
}

bool is_numbered(std::string_view text, size_t line) {
  return has_digit(text.substr(line, text.substr(line).find_first_of(":\n")));
}

/// The end of the answering part: a base model goes on with a next question of its own. Numbered
/// questions that began before the answer ("Question 1: ...") are steps, not new questions.
size_t answer_end(AnswerKind kind, std::string_view text, const std::vector<Mark>& marks) {
  // A bare number in the first line is an answer, whatever is asked next.
  const size_t start = text.find_first_not_of(kAsciiSpace);
  if (start == std::string_view::npos) return text.size();
  const size_t first_end = std::min(text.find('\n', start), text.size());
  const size_t first_question = next_question_line(text, 0);
  if (kind == AnswerKind::kNumeric && first_question != std::string_view::npos &&
      parse_number(text.substr(start, first_end - start)) &&
      trimmed(text.substr(first_end, first_question - std::min(first_question, first_end)))
          .empty()) {
    return first_question;
  }
  const auto first = std::find_if(marks.begin(), marks.end(),
                                  [&](const Mark& mark) { return holds_answer(kind, mark); });
  if (first == marks.end()) return text.size();
  if (first_question < first->begin && is_numbered(text, first_question)) return text.size();
  return std::min(next_question_line(text, first->end), text.size());
}

/// "\boxed{5} and \boxed{6}" on one line.
bool joins_the_box_before(std::string_view text, const std::vector<Mark>& marks, size_t i) {
  if (i == 0 || marks[i].rule != AnswerRule::kBoxed || marks[i - 1].rule != AnswerRule::kBoxed) {
    return false;
  }
  if (marks[i - 1].end > marks[i].begin) return false;
  std::string_view gap = text.substr(marks[i - 1].end, marks[i].begin - marks[i - 1].end);
  std::string joint;
  for (char c : gap) {
    if (c != ' ' && c != '$' && c != '*') joint.push_back(c);
  }
  return joint == "," || joint == "or" || joint == "and" || joint == ",and" || joint == ",or";
}

/// "Answer: Tom starts with 3 apples." and then the work: what follows such a mark is a solution,
/// and its answer stands further down.
bool opens_a_solution(std::string_view text, const Mark& mark) {
  if (leads_with_number(mark.value) || mark.rule != AnswerRule::kAnswerLine) return false;
  if (has_digit(text.substr(0, mark.begin))) return false;
  std::string_view later = unwrapped(text.substr(mark.end));
  if (!has_digit(later)) return false;
  std::string word;
  for (char c : later.substr(0, 12)) {
    word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  for (std::string_view start : {"expl", "because", "reason", "note", "check", "verif", "this ",
                                 "here", "since", "(", "step", "solution", "work"}) {
    if (word.find(start) != std::string::npos) return false;
  }
  return true;
}

std::optional<Answer> numeric_fallback(std::string_view text) {
  const NumericAnswer last = read_last_number(text);
  if (last.clarity != Clarity::kClear) return std::nullopt;
  const std::string key = to_string(last.number);
  return Answer{key, key, AnswerRule::kLastNumber};
}

std::optional<Answer> numeric_answer(std::string_view text, const std::vector<Mark>& marks) {
  for (size_t i = marks.size(); i-- > 0;) {
    const Mark& mark = marks[i];
    const NumericAnswer answer = read_value(mark.value);
    if (answer.clarity == Clarity::kAbsent) continue;
    // "#### Step 2: ..." is a heading.
    if (mark.rule == AnswerRule::kHashes && has_digit(mark.value) &&
        (!leads_with_number(mark.value) || mark.value.find(". ") != std::string_view::npos)) {
      continue;
    }
    if (opens_a_solution(text, mark)) continue;
    if (answer.clarity == Clarity::kAmbiguous) {
      // A passing "the answer is ..." yields to a mark that stands by itself.
      const bool stands_alone_before =
          std::any_of(marks.begin(), marks.begin() + static_cast<ptrdiff_t>(i),
                      [](const Mark& other) { return !other.in_prose && !other.value.empty(); });
      if (mark.in_prose && stands_alone_before) continue;
      return std::nullopt;
    }
    const std::string key = to_string(answer.number);
    if (joins_the_box_before(text, marks, i)) {
      const NumericAnswer other = read_value(marks[i - 1].value);
      if (other.clarity != Clarity::kClear || to_string(other.number) != key) return std::nullopt;
    }
    if (answer.clarity == Clarity::kGuess) return Answer{key, key, AnswerRule::kLastNumber};
    return Answer{std::string(mark.value), key, mark.rule};
  }
  return numeric_fallback(text);
}

std::optional<Answer> choice_answer(std::string_view text, const std::vector<Mark>& marks) {
  for (size_t i = marks.size(); i-- > 0;) {
    if (const auto letter = read_choice(marks[i].value)) {
      return Answer{std::string(marks[i].value), std::string(1, *letter), marks[i].rule};
    }
    // "Answer: A or B" names several; the letters elsewhere do not decide.
    if (!marks[i].in_prose && read_unmarked_choice(marks[i].value) == std::nullopt &&
        !marks[i].value.empty() && is_choice_key(marks[i].value.substr(0, 1)) &&
        (marks[i].value.size() == 1 ||
         !std::isalpha(static_cast<unsigned char>(marks[i].value[1])))) {
      return std::nullopt;
    }
  }
  const auto letter = read_unmarked_choice(text);
  if (!letter) return std::nullopt;
  return Answer{std::string(1, *letter), std::string(1, *letter), AnswerRule::kOnlyLetter};
}

std::optional<Answer> exact_answer(std::string_view text, const std::vector<Mark>& marks) {
  const auto answer_of = [](std::string_view value, AnswerRule rule) -> std::optional<Answer> {
    std::string key = normalise_text(value);
    if (key.empty()) return std::nullopt;
    return Answer{std::string(value), std::move(key), rule};
  };
  for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) {
    if (auto answer = answer_of(mark->value, mark->rule)) return answer;
  }
  // A mark without an answer behind it: the last line would be that mark.
  if (!marks.empty()) return std::nullopt;
  const auto all = trimmed(text);
  const size_t newline = all.rfind('\n');
  const auto line = unwrapped(newline == std::string_view::npos ? all : all.substr(newline + 1));
  if (line.size() > kMaxLastLineBytes) return std::nullopt;
  return answer_of(line, AnswerRule::kLastLine);
}

/// "3 5 7" of "[3, 5, 7]"; nothing unless numbers and separators are all there is.
std::optional<std::string> number_list(std::string_view text) {
  constexpr std::string_view kSeparators = " \t\n\r,;[](){}";
  std::string joined;
  size_t n = 0;
  for (size_t at = text.find_first_not_of(kSeparators); at != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kSeparators, at), text.size());
    const auto number = parse_number(text.substr(at, end - at));
    if (!number) return std::nullopt;
    joined += (n++ ? " " : "") + to_string(*number);
    at = text.find_first_not_of(kSeparators, end);
  }
  if (n < 2) return std::nullopt;
  return joined;
}

/// What of `plain` is compared: no quotes, no emphasis, no period at the end.
std::string_view core_of(std::string_view plain) {
  plain = unwrapped(plain);
  if (plain.ends_with('.')) plain.remove_suffix(1);
  return unwrapped(plain);
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kAsciiSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kAsciiSpace) - first + 1);
}

std::string normalise_text(std::string_view text) {
  const std::string plain = plain_notation(text);
  text = core_of(plain);
  // Thousands commas touch their digits; what has spaces or brackets is a list.
  const bool has_gaps = text.find_first_of(" \t\n[](){};") != std::string_view::npos;
  if (!has_gaps) {
    if (const auto number = parse_number(text)) return to_string(*number);
  }
  if (auto list = number_list(text)) return *list;
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = trimmed(text.substr(1, text.size() - 2));
  }
  if (const auto number = parse_number(text)) return to_string(*number);
  std::string out;
  bool space = false;
  for (char c : text) {
    if (kAsciiSpace.find(c) != std::string_view::npos) {
      space = true;
      continue;
    }
    if (space && !out.empty()) out.push_back(' ');
    space = false;
    out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return out;
}

std::optional<Answer> extract_answer(AnswerKind kind, std::string_view text) {
  if (!has_text_answer(kind)) return std::nullopt;
  std::string reply = without_reasoning(text);
  if (kind == AnswerKind::kNumeric) reply = plain_notation(reply);
  std::string_view rest = reply;
  std::vector<Mark> marks = find_marks(rest);
  const size_t end = answer_end(kind, rest, marks);
  std::erase_if(marks, [&](const Mark& mark) { return mark.begin >= end; });
  rest = rest.substr(0, end);
  if (kind == AnswerKind::kNumeric) return numeric_answer(rest, marks);
  if (kind == AnswerKind::kChoice) return choice_answer(rest, marks);
  return exact_answer(rest, marks);
}

bool answers_match(AnswerKind kind, const Answer& answer, std::string_view expected) {
  if (kind == AnswerKind::kNumeric) {
    const auto number = parse_number(expected);
    return number && to_string(*number) == answer.key;
  }
  if (kind == AnswerKind::kChoice) return trimmed(expected) == answer.key;
  const std::string key = normalise_text(expected);
  if (key.empty()) return false;
  if (key == normalise_text(answer.text)) return true;
  const std::string mine = plain_notation(answer.text);
  const std::string theirs = plain_notation(expected);
  const auto list = number_list(core_of(mine));
  return list && list == number_list(core_of(theirs));
}

}  // namespace whet::eval
