#include "eval/human_eval.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <vector>

#include "base/ascii.h"
#include "eval/answer.h"

namespace whet::eval {
namespace {

struct Literal {
  std::string text;  // as Python spells it
  size_t end;        // behind it
};

size_t skip_blanks(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(" \t", at), text.size());
}

std::optional<Literal> number_at(std::string_view text, size_t at) {
  const auto digits = [&](size_t i) {
    while (i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0) ++i;
    return i;
  };
  size_t end = at < text.size() && (text[at] == '-' || text[at] == '+') ? at + 1 : at;
  const size_t start = end;
  end = digits(end);
  size_t n_digits = end - start;
  // "f(3) == 8." ends a sentence; "8.0" does not.
  if (end + 1 < text.size() && text[end] == '.' && digits(end + 1) > end + 1) {
    n_digits += digits(end + 1) - end - 1;
    end = digits(end + 1);
  }
  if (n_digits == 0) return std::nullopt;
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    const size_t sign = end + 1 < text.size() && (text[end + 1] == '-' || text[end + 1] == '+');
    if (digits(end + 1 + sign) > end + 1 + sign) end = digits(end + 1 + sign);
  }
  if (end < text.size() && is_word_byte(text[end])) return std::nullopt;
  return Literal{std::string(text.substr(at, end - at)), end};
}

std::optional<Literal> string_at(std::string_view text, size_t at) {
  if (at >= text.size() || (text[at] != '"' && text[at] != '\'')) return std::nullopt;
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == text[at]) {
      return Literal{std::string(text.substr(at, i + 1 - at)), i + 1};
    }
  }
  return std::nullopt;
}

std::optional<Literal> literal_at(std::string_view text, size_t at, int depth = 0);

/// Literals between commas up to `close`, with keys and colons in a dictionary.
std::optional<Literal> list_at(std::string_view text, size_t at, char close, int depth) {
  std::string out(1, text[at]);
  size_t end = skip_blanks(text, at + 1);
  while (end < text.size() && text[end] != close) {
    const auto item = literal_at(text, end, depth + 1);
    if (!item) return std::nullopt;
    out += item->text;
    end = skip_blanks(text, item->end);
    if (end < text.size() && text[end] == ':' && close == '}') {
      const auto value = literal_at(text, end + 1, depth + 1);
      if (!value) return std::nullopt;
      out += ": " + value->text;
      end = skip_blanks(text, value->end);
    }
    if (end < text.size() && text[end] == ',') {
      out += ", ";
      end = skip_blanks(text, end + 1);
    } else if (end >= text.size() || text[end] != close) {
      return std::nullopt;
    }
  }
  if (end >= text.size()) return std::nullopt;
  return Literal{out + close, end + 1};
}

/// A Python literal at `at`: a number, a string, True, False, None (also "true", "false"), a list,
/// tuple, set or dictionary of literals.
std::optional<Literal> literal_at(std::string_view text, size_t at, int depth) {
  constexpr int kMaxDepth = 32;
  at = skip_blanks(text, at);
  if (at >= text.size() || depth > kMaxDepth) return std::nullopt;
  if (text[at] == '[') return list_at(text, at, ']', depth);
  if (text[at] == '(') return list_at(text, at, ')', depth);
  if (text[at] == '{') return list_at(text, at, '}', depth);
  if (auto string = string_at(text, at)) return string;
  if (auto number = number_at(text, at)) return number;
  for (const auto& [word, python] : {std::pair<std::string_view, const char*>{"True", "True"},
                                     {"False", "False"},
                                     {"None", "None"},
                                     {"true", "True"},
                                     {"false", "False"}}) {
    const size_t end = at + word.size();
    if (text.substr(at).starts_with(word) && (end == text.size() || !is_word_byte(text[end]))) {
      return Literal{python, end};
    }
  }
  return std::nullopt;
}

/// A literal at `at` behind which nothing but a remark stands.
std::optional<std::string> value_at(std::string_view text, size_t at) {
  if (const auto value = literal_at(text, at)) {
    const size_t end = skip_blanks(text, value->end);
    const bool alone = end == text.size() || text[end] == '#' ||
                       (text[end] == '(' && end > value->end) ||
                       (text[end] == '.' && skip_blanks(text, end + 1) == text.size());
    if (alone) return value->text;
  }
  // "1 + 9 + 0 + 0 = 10": what is worked out stands last.
  const size_t equals = text.rfind(" = ");
  if (equals == std::string_view::npos || equals < at) return std::nullopt;
  return value_at(text, equals + 3);
}

/// Behind the words or signs between a call and its value, at `at`.
std::optional<size_t> separator_end(std::string_view text, size_t at) {
  at = skip_blanks(text, at);
  if (at < text.size() && text[at] == '#') at = skip_blanks(text, at + 1);
  for (std::string_view separator :
       {"==>", "==", "=>", "->", "\u279e", "=", "should return ", "returns ", "return "}) {
    if (text.substr(at).starts_with(separator)) return at + separator.size();
  }
  return std::nullopt;
}

}  // namespace

std::string human_eval_prompt(std::string_view header) {
  return fmt::format(
      "Complete the following Python function. Reply with the whole function in one ```python "
      "code block.\n\n```python\n{}{}```",
      header, header.ends_with('\n') ? "" : "\n");
}

std::string docstring_examples(std::string_view header, std::string_view entry_point) {
  std::vector<std::string_view> lines;
  for (size_t at = 0; at < header.size();) {
    const size_t end = std::min(header.find('\n', at), header.size());
    lines.push_back(trimmed(header.substr(at, end - at)));
    at = end + 1;
  }
  std::string examples;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    for (size_t at = line.find(entry_point); at != std::string_view::npos;
         at = line.find(entry_point, at + 1)) {
      const size_t open = at + entry_point.size();
      if ((at > 0 && is_word_byte(line[at - 1])) || open >= line.size() || line[open] != '(')
        continue;
      const auto arguments = list_at(line, open, ')', 0);
      if (!arguments) continue;
      std::optional<std::string> value;
      if (const auto end = separator_end(line, arguments->end)) {
        value = value_at(line, *end);
      } else if (line.starts_with(">>>") && skip_blanks(line, arguments->end) == line.size() &&
                 i + 1 < lines.size()) {
        value = value_at(lines[i + 1], 0);
      }
      if (value) {
        examples += fmt::format("assert {}{} == {}\n", entry_point, arguments->text, *value);
      }
    }
  }
  return examples;
}

}  // namespace whet::eval
