// Variance components: how much of the spread of repeated measurements lies between the tasks, and
// how much between repetitions of one task.
#pragma once

#include <optional>

#include "stats/estimate.h"

namespace whet::stats {

struct VarianceComponents {
  double between_tasks = 0;  // variance of the tasks' true means
  double within_tasks = 0;   // variance of a single repetition around its task's mean
  double n_tasks = 0;
  double n_repetitions = 0;  // harmonic mean over tasks

  /// Variance of the mean over this many tasks of the means over that many repetitions.
  double of_mean(double tasks, double repetitions) const {
    return (between_tasks + within_tasks / repetitions) / tasks;
  }
  /// Share of the present mean's variance that more repetitions could take away; 0 without any.
  double share_within() const;
};

/// By the method of moments: pooled variance within the tasks that have two repetitions or more;
/// that of the task means, less what repetitions put into it, but at least 0. None below two tasks
/// or without a task that has two repetitions.
/// Source: Searle, Casella & McCulloch, "Variance components" (1992), 3.6.
std::optional<VarianceComponents> variance_components(const Clusters& tasks);

}  // namespace whet::stats
