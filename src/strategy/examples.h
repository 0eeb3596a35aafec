// Public examples as a scorer: candidates of a code question are run against the assertions that
// the prompt shows. Hidden tests never come here.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "eval/execution.h"
#include "strategy/strategy.h"

namespace whet::strategy {

/// Whether the question has public examples and a sandbox to run them in.
bool can_run_examples(const eval::Question& question, const Context& context);

/// A candidate's program and what it did.
struct Program {
  std::string source, key;         // key: eval::code_key
  std::vector<size_t> candidates;  // those whose program it is
  std::optional<Result<eval::ExampleRun>> run;
};
Program program_of(const eval::Question& question, std::string_view text);

/// Runs one program on the examples of its question. An exception is an error (kInternal).
/// Threads: safe.
Result<eval::ExampleRun> run_program(const eval::Question& question, const Context& context,
                                     const std::string& source);

/// How long a program of this kind usually runs here, as measured by run_program.
int64_t usual_run_ns(eval::AnswerKind kind);

/// Runs those of `programs` that have no run yet, in their order, on context.n_threads threads.
/// No further one is started once the user has cancelled or `enough` is true, which is asked after
/// each run, by one thread at a time.
void run_programs(const eval::Question& question, const Context& context,
                  std::vector<Program>& programs, const std::function<bool()>& enough);

/// What programs did on the public examples of one question. Programs that differ in comments only
/// are one.
class ExampleRuns {
 public:
  using Run = Result<eval::ExampleRun>;

  /// Of the program in `text`, which there must be; runs it if that is not known yet. Null once the
  /// user has cancelled.
  const Run* run(const eval::Question& question, const Context& context, std::string_view text);
  /// Null: not run yet.
  const Run* find(const std::string& key) const;
  void add(const std::string& key, Run run);

 private:
  std::map<std::string, Run> runs_;
};

struct ExampleScores {
  bool ran = false;     // false: no sandbox, no examples, one program only, or the sandbox failed
  std::string problem;  // why not
};

/// Sets each candidate's score to the share of examples that held and its key to its behaviour. A
/// candidate that does not even start becomes ineligible and leaves `among`, unless none would be
/// left. Programs that differ in comments only are run once, and not at all if there is no other;
/// uses context.n_threads. `known`: programs in it are not run again, and those that are run are
/// added; may be null.
ExampleScores score_by_examples(const eval::Question& question, const Context& context,
                                std::vector<Candidate>& candidates, std::vector<size_t>& among,
                                ExampleRuns* known = nullptr);

/// Leaves in `among` only the candidates that hold most public examples, and gives all of them the
/// key of their behaviour; nothing changes for other kinds or if nothing ran.
void keep_best_by_examples(const eval::Question& question, const Context& context,
                           std::vector<Candidate>& candidates, std::vector<size_t>& among);

}  // namespace whet::strategy
