// The interpreter and compilers that candidates are run with, found once on the host.
#pragma once

#include <string>

#include "base/result.h"
#include "eval/question.h"

namespace whet::eval {

struct Toolchain {
  std::string program;    // path inside the sandbox
  std::string directory;  // host directory to show at /toolchain; "" = under /usr
  std::string linker;     // Rust: path inside the sandbox
};

/// The toolchain of a code kind. Errors: kUnavailable, names what is not installed. The answer is
/// found once per process. Threads: safe.
const Result<Toolchain>& toolchain_of(AnswerKind kind);

}  // namespace whet::eval
