#include "eval/answer.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/check.h"
#include "eval/number.h"

namespace whet::eval {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr size_t kMaxLastLineBytes = 64;  // a longer last line is prose, not an answer

char lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::string_view line_at(std::string_view text, size_t at) {
  return text.substr(at, std::min(text.find('\n', at), text.size()) - at);
}

/// Quotes and Markdown emphasis around a value.
std::string_view unwrapped(std::string_view text) {
  constexpr std::string_view kAround = " \t\r\n*_`'\"";
  const size_t first = text.find_first_not_of(kAround);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kAround) - first + 1);
}

struct Mark {
  size_t at;
  std::string_view value;
  AnswerRule rule;
};

/// What follows a mark: the rest of its line, or the next line that is not blank.
std::string_view value_after(std::string_view text, size_t at) {
  const auto rest = unwrapped(line_at(text, at));
  if (!rest.empty()) return rest;
  const size_t next = text.find_first_not_of(kSpace, at);
  if (next == std::string_view::npos) return {};
  // "**\n" closes the emphasis of the mark itself.
  const size_t line_start = text.find('\n', at);
  if (line_start == std::string_view::npos) return {};
  const size_t value = text.find_first_not_of(kSpace, line_start);
  return value == std::string_view::npos ? std::string_view{} : unwrapped(line_at(text, value));
}

void find_answer_lines(std::string_view text, std::vector<Mark>& marks) {
  constexpr std::string_view kWord = "answer";
  const std::string low = lowered(text);
  for (size_t at = low.find(kWord); at != std::string::npos; at = low.find(kWord, at + 1)) {
    size_t end = at + kWord.size();
    while (end < low.size() && (low[end] == '*' || low[end] == ' ' || low[end] == '_')) ++end;
    const bool is = low.compare(end, 2, "is") == 0 && end + 2 < low.size() &&
                    (kSpace.find(low[end + 2]) != std::string_view::npos || low[end + 2] == ':');
    if (is) {
      end += 2;
      while (end < low.size() && low[end] == ' ') ++end;
    }
    const bool colon = end < low.size() && low[end] == ':';
    if (!is && !colon) continue;
    marks.push_back({at, value_after(text, end + (colon ? 1 : 0)), AnswerRule::kAnswerLine});
  }
}

void find_hashes(std::string_view text, std::vector<Mark>& marks) {
  constexpr std::string_view kHashes = "####";
  for (size_t at = text.find(kHashes); at != std::string_view::npos;
       at = text.find(kHashes, at + 4)) {
    marks.push_back({at, unwrapped(line_at(text, at + 4)), AnswerRule::kHashes});
  }
}

void find_boxes(std::string_view text, std::vector<Mark>& marks) {
  constexpr std::string_view kBox = "\\boxed{";
  for (size_t at = text.find(kBox); at != std::string_view::npos; at = text.find(kBox, at + 1)) {
    const size_t start = at + kBox.size();
    int depth = 1;
    size_t end = start;
    for (; end < text.size(); ++end) {
      if (text[end] == '{') ++depth;
      if (text[end] == '}' && --depth == 0) break;
    }
    if (depth == 0) {
      marks.push_back({at, unwrapped(text.substr(start, end - start)), AnswerRule::kBoxed});
    }
  }
}

/// The value of a marked numeric answer: all of it, the part after the last "=", the number that it
/// starts with, or the only number in it.
std::optional<Number> marked_number(std::string_view value) {
  if (const auto number = parse_number(value)) return number;
  if (const size_t equals = value.rfind('='); equals != std::string_view::npos) {
    if (const auto number = marked_number(value.substr(equals + 1))) return number;
  }
  const auto numbers = find_numbers(value);
  if (numbers.empty()) return std::nullopt;
  if (numbers.size() == 1) return numbers.front();
  const auto starts_number = value.find_first_of("0123456789");
  const auto head = value.substr(0, starts_number);
  const bool leads = std::none_of(head.begin(), head.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '(' || c == '\\';
  });
  if (!leads) return std::nullopt;
  // An expression such as "3 + 4" leads with a number but is not that number.
  const size_t ends_number = value.find_first_not_of("0123456789.,/", starts_number);
  if (ends_number == std::string_view::npos) return std::nullopt;  // "3,5", "1/2/3": no one number
  const auto rest = value.substr(ends_number);
  const auto next = trimmed(rest);
  const bool operation = !next.empty() &&
                         std::string_view("+-*/x^").find(next.front()) != std::string_view::npos &&
                         !(next.size() > 1 && std::isalpha(static_cast<unsigned char>(next[1])));
  if (operation) return std::nullopt;
  return numbers.front();
}

std::optional<Answer> answer_of(AnswerKind kind, std::string_view value, AnswerRule rule) {
  if (value.empty()) return std::nullopt;
  if (kind == AnswerKind::kNumeric) {
    const auto number = marked_number(value);
    if (!number) return std::nullopt;
    return Answer{std::string(value), to_string(*number), rule};
  }
  std::string key = normalise_text(value);
  if (key.empty()) return std::nullopt;
  return Answer{std::string(value), std::move(key), rule};
}

std::optional<Answer> fallback(AnswerKind kind, std::string_view text) {
  if (kind == AnswerKind::kNumeric) {
    const auto numbers = find_numbers(text);
    if (numbers.empty()) return std::nullopt;
    std::string key = to_string(numbers.back());
    return Answer{key, key, AnswerRule::kLastNumber};
  }
  const auto all = trimmed(text);
  const size_t newline = all.rfind('\n');
  const auto line = unwrapped(newline == std::string_view::npos ? all : all.substr(newline + 1));
  if (line.size() > kMaxLastLineBytes) return std::nullopt;
  return answer_of(kind, line, AnswerRule::kLastLine);
}

/// "3 5 7" of "[3, 5, 7]"; nothing unless numbers and separators are all there is.
std::optional<std::string> number_list(std::string_view text) {
  constexpr std::string_view kSeparators = " \t,;[](){}";
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

}  // namespace

std::string_view answer_rule_name(AnswerRule rule) {
  switch (rule) {
    case AnswerRule::kAnswerLine:
      return "answer_line";
    case AnswerRule::kHashes:
      return "hashes";
    case AnswerRule::kBoxed:
      return "boxed";
    case AnswerRule::kLastNumber:
      return "last_number";
    case AnswerRule::kLastLine:
      return "last_line";
  }
  WHET_UNREACHABLE();
}

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string normalise_text(std::string_view text) {
  text = unwrapped(text);
  if (text.ends_with('.')) text.remove_suffix(1);
  text = unwrapped(text);
  if (auto list = number_list(text)) return *list;
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = trimmed(text.substr(1, text.size() - 2));
  }
  if (const auto number = parse_number(text)) return to_string(*number);
  std::string out;
  bool space = false;
  for (char c : text) {
    if (kSpace.find(c) != std::string_view::npos) {
      space = true;
      continue;
    }
    if (space && !out.empty()) out.push_back(' ');
    space = false;
    out.push_back(lower(c));
  }
  return out;
}

std::optional<Answer> extract_answer(AnswerKind kind, std::string_view text) {
  if (kind != AnswerKind::kNumeric && kind != AnswerKind::kExact) return std::nullopt;
  std::vector<Mark> marks;
  find_answer_lines(text, marks);
  find_hashes(text, marks);
  find_boxes(text, marks);
  // Later marks first. A box inside an answer line stands after the line's own mark.
  std::sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) { return a.at > b.at; });
  for (const Mark& mark : marks) {
    if (auto answer = answer_of(kind, mark.value, mark.rule)) return answer;
  }
  // A mark without an answer behind it: the last line would be that mark.
  if (kind == AnswerKind::kExact && !marks.empty()) return std::nullopt;
  return fallback(kind, text);
}

bool answers_match(AnswerKind kind, const Answer& answer, std::string_view expected) {
  if (kind == AnswerKind::kNumeric) {
    const auto number = parse_number(expected);
    return number && to_string(*number) == answer.key;
  }
  const std::string key = normalise_text(expected);
  return !key.empty() && key == answer.key;
}

}  // namespace whet::eval
