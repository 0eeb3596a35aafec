#include "eval/python_lines.h"

#include <algorithm>
#include <cctype>

#include "base/ascii.h"
#include "eval/answer.h"
#include "eval/word_list.h"

namespace whet::eval {
namespace {

std::string_view first_word(std::string_view line) {
  size_t end = 0;
  while (end < line.size() && is_word_byte(line[end])) ++end;
  return line.substr(0, end);
}

/// The line without its comment; a "#" in a string is kept.
std::string_view without_comment(std::string_view line) {
  char quote = '\0';
  for (size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (quote != '\0') {
      if (c == '\\') ++at;
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#') {
      return trimmed(line.substr(0, at));
    }
  }
  return trimmed(line);
}

/// "x", "a.b[0]", "x, y", "n: int": what an assignment may have on its left. Two words with a space
/// between them are prose.
bool is_target(std::string_view text) {
  text = trimmed(text);
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) != 0) return false;
  if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    text = trimmed(text.substr(0, colon));  // an annotation may hold anything
  }
  int depth = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '[' || c == '(') ++depth;
    if (c == ']' || c == ')') --depth;
    if (depth > 0) continue;
    const bool part = is_word_byte(c) || c == '.' || c == ',' || c == ']' || c == ')' || c == '*';
    if (!part && c != ' ') return false;
    if (c == ' ' && at > 0 && is_word_byte(text[at - 1]) && at + 1 < text.size() &&
        is_word_byte(text[at + 1])) {
      return false;
    }
  }
  return depth == 0 && !text.empty();
}

bool is_assignment(std::string_view line) {
  int depth = 0;
  char quote = '\0';
  for (size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (quote != '\0') {
      if (c == '\\') ++at;
      if (c == quote) quote = '\0';
      continue;
    }
    if (c == '"' || c == '\'') quote = c;
    if (c == '[' || c == '(' || c == '{') ++depth;
    if (c == ']' || c == ')' || c == '}') --depth;
    if (c != '=' || depth != 0) continue;
    if (at + 1 < line.size() && line[at + 1] == '=') return false;
    std::string_view left = line.substr(0, at);
    if (left.ends_with('!') || left.ends_with('<') || left.ends_with('>')) {
      if (!left.ends_with("<<") && !left.ends_with(">>")) return false;
    }
    left = left.substr(0, left.find_last_not_of("+-*/%&|^@<>") + 1);
    return is_target(left);
  }
  return false;
}

/// name(...) up to the end of the line, or going on in the next.
bool is_call(std::string_view line) {
  size_t at = 0;
  while (at < line.size() && (is_word_byte(line[at]) || line[at] == '.')) ++at;
  if (at == 0 || at >= line.size() || (line[at] != '(' && line[at] != '[')) return false;
  if (std::isdigit(static_cast<unsigned char>(line[0])) != 0) return false;
  const char last = line.back();
  return last == ')' || last == ']' || last == '(' || last == ',' || last == '[' || last == '{';
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

size_t indent_columns(std::string_view line) {
  size_t columns = 0;
  for (char c : line) {
    if (c == '\t') {
      columns += 4 - columns % 4;
    } else if (c == ' ') {
      ++columns;
    } else {
      break;
    }
  }
  return columns;
}

void PythonScanner::feed(std::string_view line) {
  continued_ = false;
  char quote = '\0';  // of a string that must end on this line
  for (size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (triple_ != '\0' || quote != '\0') {
      const char open = triple_ != '\0' ? triple_ : quote;
      if (c == '\\') {
        ++at;
        if (at >= line.size()) continued_ = true;
      } else if (c == open && triple_ == '\0') {
        quote = '\0';
      } else if (c == open && line.substr(at).starts_with(std::string(3, open))) {
        triple_ = '\0';
        at += 2;
      }
      continue;
    }
    if (c == '#') return;
    if (c == '"' || c == '\'') {
      if (line.substr(at).starts_with(std::string(3, c))) {
        triple_ = c;
        at += 2;
      } else {
        quote = c;
      }
    }
    if (c == '(' || c == '[' || c == '{') ++depth_;
    if (c == ')' || c == ']' || c == '}') depth_ = std::max(depth_ - 1, 0);
    if (c == '\\' && at + 1 == line.size()) continued_ = true;
  }
}

bool is_python_statement(std::string_view line) {
  line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
  if (line.empty()) return false;
  if (std::string_view("#@)]}").find(line[0]) != std::string_view::npos) return true;
  if (line.starts_with("\"\"\"") || line.starts_with("'''")) return true;
  const std::string_view word = first_word(line);
  const std::string_view code = without_comment(line);
  const std::string_view rest = trimmed(code.substr(std::min(word.size(), code.size())));
  const bool opens_block = code.ends_with(':') || code.find(": ") != std::string_view::npos ||
                           code.ends_with('(') || code.ends_with('[') || code.ends_with(',') ||
                           code.ends_with('\\');
  if (is_one_of(word, {"def", "class"})) {
    const std::string_view name = first_word(rest);
    const std::string_view behind = trimmed(rest.substr(name.size()));
    return !name.empty() && (behind.starts_with('(') || behind.starts_with(':'));
  }
  if (word == "async")
    return rest.starts_with("def ") || rest.starts_with("with ") || rest.starts_with("for ");
  if (word == "import") {
    const std::string_view name = first_word(rest);
    const std::string_view behind = trimmed(rest.substr(name.size()));
    return !name.empty() && (behind.empty() || behind[0] == '.' || behind[0] == ',' ||
                             behind.starts_with("as ") || behind[0] == ';');
  }
  if (word == "from") return rest.find(" import ") != std::string_view::npos;
  if (word == "for") return opens_block && rest.find(" in ") != std::string_view::npos;
  if (is_one_of(word, {"if", "elif", "while", "with", "match", "case"})) {
    return opens_block && !rest.empty();
  }
  if (is_one_of(word, {"else", "try", "finally", "except"})) return opens_block;
  if (is_one_of(word, {"pass", "break", "continue"})) return rest.empty() || rest[0] == ';';
  if (is_one_of(word, {"return", "raise", "assert", "del", "global", "nonlocal", "yield", "await",
                       "lambda"})) {
    return true;
  }
  return is_assignment(code) || is_call(code);
}

bool python_binds(std::string_view source, std::string_view name) {
  if (name.empty()) return false;
  struct Statement {
    size_t indent;
    std::string_view text;
  };
  std::vector<Statement> statements;
  PythonScanner scanner;
  size_t outermost = std::string_view::npos;
  for (std::string_view line : lines_of(source)) {
    const auto bare = trimmed(line);
    if (scanner.at_statement() && !bare.empty() && bare[0] != '#') {
      statements.push_back({indent_columns(line), bare});
      outermost = std::min(outermost, statements.back().indent);
    }
    scanner.feed(line);
  }
  return std::any_of(statements.begin(), statements.end(), [&](const Statement& statement) {
    if (statement.indent != outermost) return false;
    std::string_view text = statement.text;
    if (text.starts_with("async ")) text = trimmed(text.substr(6));
    const std::string_view word = first_word(text);
    if (word == "def" || word == "class")
      return first_word(trimmed(text.substr(word.size()))) == name;
    const std::string_view rest = trimmed(text.substr(word.size()));
    return word == name && !rest.empty() && (rest[0] == '=' || rest[0] == ':') &&
           is_assignment(text);
  });
}

std::vector<std::string_view> python_helpers(std::string_view source) {
  std::vector<std::string_view> names;
  PythonScanner scanner;
  for (std::string_view line : lines_of(source)) {
    const bool starts =
        scanner.at_statement() && !trimmed(line).empty() && indent_columns(line) == 0;
    scanner.feed(line);
    if (!starts || line[0] == '#' || line[0] == '@') continue;
    std::string_view text = line.starts_with("async ") ? trimmed(line.substr(6)) : line;
    const std::string_view word = first_word(text);
    if (word == "def" || word == "class") {
      names.push_back(first_word(trimmed(text.substr(word.size()))));
    } else if (word != "import" && word != "from" && !is_assignment(without_comment(text))) {
      return {};
    }
  }
  return names;
}

std::string with_future_imports_first(std::string_view source) {
  if (source.find("__future__") == std::string_view::npos) return std::string(source);
  std::string imports;
  std::string rest;
  PythonScanner scanner;
  bool in_import = false;
  for (std::string_view line : lines_of(source)) {
    if (scanner.at_statement()) in_import = line.starts_with("from __future__ import ");
    (in_import ? imports : rest).append(line).push_back('\n');
    scanner.feed(line);
  }
  return imports + rest;
}

}  // namespace whet::eval
