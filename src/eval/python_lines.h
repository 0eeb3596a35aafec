// Python source line by line: where statements begin, without a parser. Knows strings, comments,
// brackets and continued lines, so that what stands inside a string is never taken for code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace whet::eval {

/// The lines of `text` without their ends (\n or \r\n).
std::vector<std::string_view> lines_of(std::string_view text);

/// Columns of white space at the start; a tab goes to the next multiple of 4.
size_t indent_columns(std::string_view line);

class PythonScanner {
 public:
  /// Reads the next line.
  void feed(std::string_view line);
  /// The next line is inside a triple-quoted string.
  bool in_string() const { return triple_ != '\0'; }
  /// The next line begins a statement: not inside a string or brackets, not continued.
  bool at_statement() const { return triple_ == '\0' && depth_ == 0 && !continued_; }

 private:
  char triple_ = '\0';  // the quote of the open triple-quoted string
  int depth_ = 0;       // open brackets
  bool continued_ = false;
};

/// Whether a line that begins a statement at column 0 can be Python, not prose: a keyword with what
/// it needs, an assignment, a call, a comment, a decorator, a string, a closing bracket.
bool is_python_statement(std::string_view line);

/// Whether `source` binds `name` at its outermost indentation: def, class, or an assignment.
bool python_binds(std::string_view source, std::string_view name);

/// The functions and classes that `source` defines at column 0; nothing if it does anything else
/// there than define, import and assign.
std::vector<std::string_view> python_helpers(std::string_view source);

/// `source` with `from __future__` imports moved to the front, where Python wants them.
std::string with_future_imports_first(std::string_view source);

}  // namespace whet::eval
