// Accuracy with an interval, for one arm and for the paired difference of two. Outcomes are 0 or 1
// (or shares in [0,1]); tasks are the independent units, seeds of one task are not.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/estimate.h"

namespace whet::stats {

/// Wilson score interval of k successes in n trials. None for n = 0. `n` may be fractional (an
/// effective sample size). Source: Wilson, J. Am. Stat. Assoc. 22 (1927).
std::optional<Interval> wilson_interval(double k, double n, double level = 0.95);

/// Mean over tasks of the mean over seeds. The interval is Wilson's with the effective sample size
/// p(1-p) / Var(mean), Var from the spread between tasks (one imaginary task right, one wrong
/// added), kept between the number of tasks and the number of runs, then times (z/t)^2 with
/// Student's t at tasks - 1 degrees of freedom; with one seed per task it is Wilson's interval
/// exactly. Where tasks are drawn in groups, the groups take the place of the tasks: `groups` holds
/// one number per task (group.h) or is empty. Coverage by simulation: docs/verdicts.md. None
/// without a run.
/// Source: Franco et al., "Comparative study of confidence intervals for proportions in complex
/// sample surveys", J. Surv. Stat. Methodol. 7 (2019).
std::optional<Estimate> estimate_accuracy(const Clusters& tasks, double level = 0.95,
                                          std::span<const int64_t> groups = {});

/// Mean of the strategy minus mean of the baseline, of each task that has both, and its group.
struct TaskDifferences {
  std::vector<double> values;
  std::vector<int64_t> groups;
};
TaskDifferences task_differences(const PairedTasks& tasks);

struct Difference {
  Estimate estimate;
  std::optional<double> p;  // two-sided
  std::string test;         // which test made p
};

/// Accuracy of the strategy minus accuracy of the baseline over the tasks that have both, each task
/// weighing the same. None without such a task.
/// Interval: bootstrap over tasks after adding one imaginary task won and one lost (Bonett & Price,
/// J. Educ. Behav. Stat. 37 (2012), carried over to the bootstrap). Without them the interval
/// collapses when few tasks differ: in 600 simulated experiments with 20 tasks of which 10 %
/// differ, the plain percentile interval covered 77 %, this one 99 %; with many differing tasks
/// both 95 %. p: sign-flip permutation test by task (significance.h). Groups of tasks are drawn and
/// flipped as a whole, and the imaginary tasks are then groups of mean size.
std::optional<Difference> estimate_accuracy_difference(const PairedTasks& tasks,
                                                       const BootstrapOptions& options = {});

}  // namespace whet::stats
