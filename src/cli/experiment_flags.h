// Flags of the commands that run an experiment, eval and compare: which tasks, how often, where to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/model_flags.h"
#include "experiment/plan.h"

namespace whet {

struct ExperimentFlags {
  ModelFlags model;
  SamplingFlags sampling;
  std::string tasks = "built-in";
  int64_t limit = 0;
  std::string seeds = "1";
  int64_t max_tokens = 256;
  std::string out_dir = "whet-out";
  double time_limit_s = 0;
  bool resume = false, overwrite = false, no_code = false, no_charts = false;

  /// Those of the experiment; the model's and the sampler's are added by their owners.
  void add_to(Command& command);
  /// What needs no model. Errors: seeds of another form; --resume with --overwrite.
  Status check() const;
  /// --seeds, ranges written out. Errors: another form.
  Result<std::vector<uint64_t>> parse_seeds() const;
  /// --tasks and --limit into the plan. Errors: those of opening task files.
  Status add_tasks(experiment::Plan& plan) const;
};

/// The parts of a list.
std::vector<std::string> split(const std::string& text, char separator);

}  // namespace whet
