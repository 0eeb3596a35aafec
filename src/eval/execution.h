// Execution of a candidate against assertions, in the sandbox.
// A pass needs a token that only code behind the last assertion sends: a candidate that exits early
// with status 0 has not passed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "eval/question.h"
#include "eval/sandbox.h"

namespace whet::eval {

struct Execution {
  bool passed = false;  // every assertion held and the program ran to its end
  std::string detail;   // one line: why not, e.g. "AssertionError", "timed out", "does not compile"
  /// Not passed for want of something that the sandbox does not have: threads, processes, a package
  /// that is not in the standard library. Then nothing was learnt about the candidate.
  bool lacks = false;
  int64_t wall_ns = 0;
};

/// Runs `source` and then all of `tests`. Errors (kUnavailable): no toolchain, or the sandbox
/// itself failed; then nothing was learnt about the candidate. Threads: safe.
Result<Execution> run_tests(const Sandbox& sandbox, const Question& question,
                            const std::string& source, const std::string& tests,
                            const ChildLimits& limits = {});

struct ExampleOutcome {
  bool held = false;
  /// Python: what the call returned or raised, as text, so that candidates can be compared by
  /// behaviour; elsewhere "held" or "failed".
  std::string behaviour;
};

struct ExampleRun {
  std::vector<ExampleOutcome> outcomes;  // one per example; empty if the candidate did not start
  int64_t n_held() const;
  /// Equal for candidates that behave alike on all examples; "" if the candidate did not start.
  std::string signature() const;
};

/// Runs `source` and each of the question's public examples on its own, so that one failure hides
/// no other. Rust and C++: one assertion per line. Errors as above.
Result<ExampleRun> run_examples(const Sandbox& sandbox, const Question& question,
                                const std::string& source);

}  // namespace whet::eval
