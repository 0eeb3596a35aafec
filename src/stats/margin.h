// One-sided tests against margins: is a quantity shown to lie above (or below) a given value? What
// a verdict asks. The tests agree with each other: what is shown to be above a margin is shown to
// be above every smaller one.
#pragma once

#include <optional>

#include "stats/estimate.h"

namespace whet::stats {

class MarginTest {
 public:
  /// p of "not above `margin`"; small = shown to be above.
  double p_above(double margin) const;
  /// p of "not below `margin`".
  double p_below(double margin) const;
  /// The distance from a margin that a test at level `alpha` (one-sided) shows with this chance,
  /// were the spread as it was found.
  double detectable(double alpha, double power = 0.8) const;

 private:
  friend std::optional<MarginTest> test_accuracy_difference(const PairedTasks& tasks,
                                                            const BootstrapOptions& options);
  friend std::optional<MarginTest> test_log_ratio(const PairedTasks& tasks);

  double mean_ = 0;
  double standard_error_ = 0;
  double degrees_ = 1;       // of freedom, of Student's t
  double flip_p_above_ = 0;  // of the sign-flip test against 0; 0 where there is none
  double flip_p_below_ = 0;
};

/// Accuracy of the strategy minus accuracy of the baseline. Student's t over the task differences
/// with one imaginary task won and one lost (as estimate_accuracy_difference); a difference from 0
/// must be shown by the sign-flip test as well. Groups of tasks take the place of tasks, and the
/// imaginary ones are groups of mean size. None below two units that both arms have.
std::optional<MarginTest> test_accuracy_difference(const PairedTasks& tasks,
                                                   const BootstrapOptions& options = {});

/// Natural logarithm of the geometric mean of the ratios strategy / baseline. Student's t over the
/// tasks or groups. Values must be positive; a task with one that is not is left out. None below
/// two units.
std::optional<MarginTest> test_log_ratio(const PairedTasks& tasks);

}  // namespace whet::stats
