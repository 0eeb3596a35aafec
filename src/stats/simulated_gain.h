// Simulated pairs of runs whose true gain is known, for the coverage of the gain's interval in
// docs/verdicts.md.
#pragma once

#include "base/rng.h"
#include "stats/accuracy.h"

namespace whet::stats {

/// Shares of the tasks, one run each, that only the strategy or only the baseline gets right.
struct GainShape {
  double won, lost;
};

inline constexpr GainShape kGainShapes[] = {{0, 0.02},    {0.05, 0.05}, {0.20, 0.20},
                                            {0.06, 0.01}, {0.12, 0.02}, {0.25, 0.05}};

/// Share of `n_simulations` experiments of `n_tasks` tasks and one seed whose 95 % interval
/// contains the truth.
inline double gain_coverage(const GainShape& shape, int n_tasks, int n_simulations) {
  int n_covered = 0;
  for (int i = 0; i < n_simulations; ++i) {
    const CounterRng rng(20261129, static_cast<uint64_t>(i));
    uint64_t counter = 0;
    PairedTasks tasks(static_cast<size_t>(n_tasks));
    for (PairedTask& task : tasks) {
      const double u = rng.uniform(counter++);
      const bool won = u < shape.won, lost = !won && u < shape.won + shape.lost;
      const bool otherwise = rng.uniform(counter++) < 0.5;
      task.strategy.push_back(won || (otherwise && !lost) ? 1 : 0);
      task.baseline.push_back(lost || (otherwise && !won) ? 1 : 0);
    }
    const Interval interval =
        *estimate_accuracy_difference(tasks, {.n_resamples = 1000})->estimate.interval;
    const double truth = shape.won - shape.lost;
    n_covered += interval.low <= truth && truth <= interval.high;
  }
  return static_cast<double>(n_covered) / n_simulations;
}

}  // namespace whet::stats
