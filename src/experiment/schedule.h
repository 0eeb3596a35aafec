// Schedule: in which order an experiment runs. Pure integers; tested without a model.
#pragma once

#include <cstddef>
#include <vector>

namespace whet::experiment {

struct PlannedRun {
  size_t task;
  size_t seed;  // index
  size_t row;   // index into the rows: strategies first, then controls

  bool operator==(const PlannedRun&) const = default;
};

/// Task by task. Within a task, for each seed all strategies one after the other, starting one
/// further with every task and seed, so that a drift of the machine hits all alike. A task's
/// controls come after all its strategies, because their time is the strategies' median on that
/// task.
std::vector<PlannedRun> make_schedule(size_t n_tasks, size_t n_seeds, size_t n_strategies,
                                      size_t n_controls);

}  // namespace whet::experiment
