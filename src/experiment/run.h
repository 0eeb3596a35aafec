// Runs an experiment: a plan, a Generator, and a directory that holds the record and the results.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "eval/sandbox.h"
#include "experiment/line.h"
#include "experiment/metrics.h"
#include "experiment/plan.h"
#include "generator/generator.h"
#include "results/document.h"

namespace whet::experiment {

struct Progress {
  int64_t n_done;  // of this experiment, earlier runs included
  int64_t n_planned;
  const Event* last;  // null before the first
  double elapsed_s;
};

/// What the experiment runs in.
struct Environment {
  const eval::Sandbox* sandbox = nullptr;  // null: code tasks are not graded
  std::string no_sandbox_reason = "code execution is off";
  const CancelFlag* cancel = nullptr;
  std::function<void(const Progress&)> on_progress;
  std::function<int64_t()> now_ns = monotonic_ns;  // the clock of the generators
  std::vector<Variant> variants = {};              // beside the plan's strategies, after them
};

struct ExperimentResult {
  std::string results_path;
  std::string events_path;
  bool complete = false;  // false: cancelled or out of time; what is finished stands in the results
  results::Document document;  // with all events
};

/// Runs what the plan asks for and the record does not hold yet, appends every event to
/// DIR/events.jsonl, and writes DIR/results.json at the end, also after a cancel. An error of the
/// engine on one run is an event and the experiment goes on.
/// Errors: a plan or strategy that is wrong; a record that exists (without plan.resume) or belongs
/// to another experiment; a directory that cannot be written.
Result<ExperimentResult> run_experiment(const Plan& plan, Generator& generator,
                                        const Environment& environment);

}  // namespace whet::experiment
