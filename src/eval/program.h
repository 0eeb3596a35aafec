// The program that a sandbox runs: a candidate, the assertions, and code of ours that says at the
// end, through a descriptor, which of them held.
#pragma once

#include <string>
#include <vector>

#include "eval/question.h"

namespace whet::eval {

/// How the assertions are run.
enum class Checks {
  kAll,   // as one block; the first failure ends the program
  kEach,  // one by one; a failure is noted and the next one runs
};

/// Python: the fixed driver, and the input that it reads (token, mode, source, assertions).
std::string python_driver();
std::string python_input(const std::string& token, Checks checks, const std::string& source,
                         const std::string& assertions);

/// Rust and C++: one source file. It reads the token from kInputFd behind the last assertion, so
/// the token stands in no file that the candidate could read.
std::string rust_program(const std::string& source, const std::string& assertions, Checks checks);
std::string cpp_program(const std::string& source, const std::string& assertions, Checks checks);

/// A report is the token, then one line per assertion: "1" or "0" and the behaviour. kAll writes
/// the token alone.
struct Report {
  bool complete = false;  // the token came
  std::vector<std::string> lines;
};
Report parse_report(const std::string& text, const std::string& token);

}  // namespace whet::eval
