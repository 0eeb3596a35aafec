// Crossed components: where every task is asked in every wording, and each of these repeatedly, how
// much of the spread lies between the tasks, between the wordings, in how a task takes to a
// wording, and between repetitions.
#pragma once

#include <optional>
#include <vector>

#include "stats/estimate.h"

namespace whet::stats {

struct CrossedComponents {
  double between_tasks = 0;     // variance of the tasks' true means over the wordings
  double between_wordings = 0;  // of the wordings' true means over the tasks
  double interaction = 0;       // of what is left of a task in a wording: not both of the above
  double within = 0;            // of a single repetition around its task's mean in its wording
  double n_tasks = 0, n_wordings = 0;
  double n_repetitions = 0;  // harmonic mean over tasks in wordings

  /// Variance of the mean of everything, tasks and wordings being drawn.
  double of_mean() const;
  /// Share of it that more repetitions could take away; 0 without any variance.
  double share_within() const;
  /// Share of it that more wordings of the same tasks could take away, repetitions apart.
  double share_of_wordings() const;
};

/// By the method of moments on the means of the cells (unweighted means), each at least 0.
/// `tasks[i]`: the repetitions of task i, wording by wording, in one order. A task that was not
/// measured in every wording does not count. None below two tasks or wordings, or where no task has
/// two repetitions in a wording.
/// Source: Searle, Casella & McCulloch, "Variance components" (1992), 4.2 and 5.3.
std::optional<CrossedComponents> crossed_components(const std::vector<Clusters>& tasks);

}  // namespace whet::stats
