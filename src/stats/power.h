// What a number of tasks can show, before any is run: a paired comparison of two accuracies where a
// known share of the tasks comes out differently.
#pragma once

#include <cstdint>
#include <optional>

namespace whet::stats {

struct PairedDesign {
  double changed = 0.2;  // share of tasks with one arm right and the other wrong, in (0, 1]
  double alpha = 0.05;   // of the one-sided test
  double power = 0.8;    // chance that the test shows the gain
};

/// The smallest true gain that `n_tasks` tasks, one run each, would show. None where even a gain
/// with every change for the better would not be shown, or below two tasks. Student's t; variance
/// of a task's difference: changed - gain^2.
std::optional<double> detectable_gain(int64_t n_tasks, const PairedDesign& design);

/// Tasks that show a gain in (0, changed]. None where it would take more than ten million.
std::optional<int64_t> tasks_to_show(double gain, const PairedDesign& design);

}  // namespace whet::stats
