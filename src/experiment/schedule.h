// Schedule: in which order an experiment runs. Pure integers; tested without a model.
#pragma once

#include <cstddef>
#include <string>
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

/// The order in which tasks of these families run: the first of each family, then the second of
/// each, ..., families in the order of their first task. A run that is stopped early has then seen
/// as much of each as it could.
std::vector<size_t> interleave_families(const std::vector<std::string>& family_of_task);

}  // namespace whet::experiment
