#include "eval/human_eval.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "eval/answer.h"

namespace whet::eval {
namespace {

/// Whether the brackets of `text` close in order and none is left open; strings are skipped.
bool is_balanced(std::string_view text) {
  std::string open;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
      continue;
    }
    if (c == '"' || c == '\'') quote = c;
    if (c == '(') open.push_back(')');
    if (c == '[') open.push_back(']');
    if (c == '{') open.push_back('}');
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) return false;
      open.pop_back();
    }
  }
  return open.empty() && quote == 0;
}

bool is_expression(std::string_view text) {
  return !text.empty() && is_balanced(text) && text.find('#') == std::string_view::npos;
}

void add(std::string& examples, std::string_view call, std::string_view value) {
  if (!is_expression(call) || !is_expression(value)) return;
  examples += fmt::format("assert {} == {}\n", call, value);
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
  const std::string call_start = fmt::format("{}(", entry_point);
  std::string examples;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (line.starts_with(">>>")) {
      const auto call = trimmed(line.substr(3));
      const auto value = i + 1 < lines.size() ? lines[i + 1] : std::string_view{};
      if (call.starts_with(call_start) && !value.starts_with(">>>") &&
          !value.starts_with("\"\"\"")) {
        add(examples, call, value);
      }
      continue;
    }
    if (line.starts_with("* ")) line = trimmed(line.substr(2));
    if (!line.starts_with(call_start)) continue;
    for (std::string_view separator : {" == ", " => ", " -> ", " \u279e ", " ==> ", " = "}) {
      const size_t at = line.find(separator);
      if (at == std::string_view::npos) continue;
      add(examples, trimmed(line.substr(0, at)), trimmed(line.substr(at + separator.size())));
      break;
    }
  }
  return examples;
}

}  // namespace whet::eval
