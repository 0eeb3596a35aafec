// Simulated runs of tasks whose difficulties are known, for the coverage test of the accuracy
// interval and for the table in docs/verdicts.md.
#pragma once

#include <cmath>
#include <cstdint>

#include "base/rng.h"
#include "stats/accuracy.h"

namespace whet::stats {

/// How a task's chance of a right answer is distributed over tasks.
struct AccuracyShape {
  const char* name;
  double mean;
  double (*chance)(double u);  // quantile function: u uniform in [0,1)
};

inline constexpr AccuracyShape kAccuracyShapes[] = {
    {"all 0.5", 0.5, [](double) { return 0.5; }},
    {"all 0.8", 0.8, [](double) { return 0.8; }},
    {"evenly from 0 to 1", 0.5, [](double u) { return u; }},
    {"mostly near 0 or 1, mean 0.5", 0.5,  // arcsine law
     [](double u) { return std::pow(std::sin(u * std::acos(-1.0) / 2), 2); }},
    {"skewed, mean 0.8", 0.8, [](double u) { return std::pow(u, 0.25); }},
    {"skewed, mean 0.95", 0.95, [](double u) { return std::pow(u, 1.0 / 19); }},
    {"skewed, mean 0.05", 0.05, [](double u) { return std::pow(u, 19.0); }},
    {"always or never, mean 0.8", 0.8, [](double u) { return u < 0.8 ? 1.0 : 0.0; }},
};

/// Share of `n_simulations` experiments whose 95 % interval contains the truth.
inline double accuracy_coverage(const AccuracyShape& shape, int n_tasks, int n_seeds,
                                int n_simulations) {
  int n_covered = 0;
  for (int i = 0; i < n_simulations; ++i) {
    const CounterRng rng(20261128, static_cast<uint64_t>(i));
    uint64_t counter = 0;
    Clusters tasks(static_cast<size_t>(n_tasks));
    for (auto& task : tasks) {
      const double chance = shape.chance(rng.uniform(counter++));
      for (int seed = 0; seed < n_seeds; ++seed) {
        task.push_back(rng.uniform(counter++) < chance ? 1 : 0);
      }
    }
    const Interval interval = *estimate_accuracy(tasks)->interval;
    n_covered += interval.low <= shape.mean && shape.mean <= interval.high;
  }
  return static_cast<double>(n_covered) / n_simulations;
}

}  // namespace whet::stats
