// Public examples as a scorer: candidates of a code question are run against the assertions that
// the prompt shows. Hidden tests never come here.
#pragma once

#include <vector>

#include "strategy/strategy.h"

namespace whet::strategy {

struct ExampleScores {
  bool ran = false;     // false: no sandbox, no examples, one program only, or the sandbox failed
  std::string problem;  // why not
};

/// Sets each candidate's score to the share of examples that held and its key to its behaviour. A
/// candidate that does not even start becomes ineligible and leaves `among`, unless none would be
/// left. Programs that differ in comments only are run once, and not at all if there is no other;
/// uses context.n_threads.
ExampleScores score_by_examples(const eval::Question& question, const Context& context,
                                std::vector<Candidate>& candidates, std::vector<size_t>& among);

/// Leaves in `among` only the candidates that hold most public examples, and gives all of them the
/// key of their behaviour; nothing changes for other kinds or if nothing ran.
void keep_best_by_examples(const eval::Question& question, const Context& context,
                           std::vector<Candidate>& candidates, std::vector<size_t>& among);

}  // namespace whet::strategy
