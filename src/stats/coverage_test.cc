// Do the intervals keep their promise? Simulated experiments with a known truth; the share of
// intervals that contain it must be near the nominal 95 %. Seeded, so the outcome never varies.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "base/rng.h"
#include "stats/accuracy.h"
#include "stats/bootstrap.h"
#include "stats/distribution.h"
#include "stats/ratio.h"
#include "stats/significance.h"
#include "stats/simulated_accuracy.h"

namespace whet::stats {
namespace {

constexpr int kSimulations = 1000;
constexpr BootstrapOptions kFast{.n_resamples = 500};

/// A stream of draws for one simulated experiment.
class Draws {
 public:
  explicit Draws(int simulation) : rng_(20240117, static_cast<uint64_t>(simulation)) {}
  double uniform() { return rng_.uniform(counter_++); }
  double bernoulli(double p) { return uniform() < p ? 1 : 0; }
  double normal() { return normal_quantile((uniform() + 0x1.0p-54) * (1 - 0x1.0p-52)); }

 private:
  CounterRng rng_;
  uint64_t counter_ = 0;
};

template <typename Experiment>
double coverage(double truth, Experiment experiment) {
  int n_covered = 0;
  for (int i = 0; i < kSimulations; ++i) {
    Draws draws(i);
    const Interval interval = experiment(draws);
    if (interval.low <= truth && truth <= interval.high) ++n_covered;
  }
  return static_cast<double>(n_covered) / kSimulations;
}

void expect_nominal(double share) {
  std::printf("covered: %.3f\n", share);
  EXPECT_GE(share, 0.92);
  EXPECT_LE(share, 0.98);
}

TEST(Coverage, Wilson) {
  expect_nominal(coverage(0.4, [](Draws& draws) {
    int k = 0;
    for (int i = 0; i < 60; ++i) k += draws.bernoulli(0.4) > 0;
    return *wilson_interval(k, 60);
  }));
}

TEST(Coverage, AccuracyOverTasksWithSeveralSeeds) {
  for (const AccuracyShape& shape : kAccuracyShapes) {
    for (const int n_tasks : {10, 20, 60}) {
      for (const int n_seeds : {3, 8}) {
        EXPECT_GE(accuracy_coverage(shape, n_tasks, n_seeds, kSimulations), 0.92)
            << shape.name << ", " << n_tasks << " tasks, " << n_seeds << " seeds";
      }
    }
  }
}

/// Each task is easy, hard, or contested; the strategy wins a contested one with chance 0.65.
PairedTasks paired_experiment(Draws& draws, int n_tasks, int n_seeds, double contested) {
  PairedTasks tasks(static_cast<size_t>(n_tasks));
  for (auto& task : tasks) {
    double base = draws.bernoulli(0.6);
    double strategy = base;
    if (draws.uniform() < contested) {
      const bool won = draws.uniform() < 0.65;
      base = won ? 0.1 : 0.9;
      strategy = won ? 0.9 : 0.1;
    }
    for (int seed = 0; seed < n_seeds; ++seed) {
      task.baseline.push_back(draws.bernoulli(base));
      task.strategy.push_back(draws.bernoulli(strategy));
    }
  }
  return tasks;
}

TEST(Coverage, PairedDifference) {
  for (int n_seeds : {1, 3}) {
    expect_nominal(coverage(0.5 * 0.8 * 0.3, [&](Draws& draws) {
      return *estimate_accuracy_difference(paired_experiment(draws, 60, n_seeds, 0.5), kFast)
                  ->estimate.interval;
    }));
  }
}

TEST(Coverage, PairedDifferenceIsCautiousWhenFewTasksDiffer) {
  EXPECT_GE(coverage(0.1 * 0.8 * 0.3,
                     [](Draws& draws) {
                       return *estimate_accuracy_difference(paired_experiment(draws, 20, 1, 0.1),
                                                            kFast)
                                   ->estimate.interval;
                     }),
            0.95);
}

/// 24 templates of 6 tasks; the gain of a template is one draw around 0.1.
PairedTasks templates(Draws& draws) {
  PairedTasks tasks;
  for (int64_t group = 0; group < 24; ++group) {
    const double better = draws.uniform() < 0.55 ? 0.8 : 0.3;  // chance of the strategy
    for (int i = 0; i < 6; ++i) {
      PairedTask task{{draws.bernoulli(0.475)}, {draws.bernoulli(better)}};
      task.group = group;
      tasks.push_back(std::move(task));
    }
  }
  return tasks;
}

TEST(Coverage, TasksOfOneTemplateAreDrawnTogether) {
  constexpr double kGain = 0.55 * 0.8 + 0.45 * 0.3 - 0.475;
  const auto covered = [&](bool grouped) {
    return coverage(kGain, [&](Draws& draws) {
      PairedTasks tasks = templates(draws);
      for (PairedTask& task : tasks) {
        if (!grouped) task.group = kOwnGroup;
      }
      return *estimate_accuracy_difference(tasks, kFast)->estimate.interval;
    });
  };
  const double by_group = covered(true);
  const double by_task = covered(false);
  std::printf("covered: %.3f by template, %.3f by task\n", by_group, by_task);
  EXPECT_GE(by_group, 0.94);
  EXPECT_LT(by_task, 0.92);
}

TEST(Coverage, AccuracyOverTasksOfOneTemplate) {
  const auto covered = [&](bool grouped) {
    return coverage(0.5, [&](Draws& draws) {
      Clusters tasks;
      std::vector<int64_t> groups;
      for (int64_t group = 0; group < 24; ++group) {
        const double chance = draws.uniform();
        for (int i = 0; i < 6; ++i) {
          tasks.push_back({draws.bernoulli(chance)});
          groups.push_back(grouped ? group : kOwnGroup);
        }
      }
      return *estimate_accuracy(tasks, 0.95, groups)->interval;
    });
  };
  const double by_group = covered(true);
  const double by_task = covered(false);
  std::printf("covered: %.3f by template, %.3f by task\n", by_group, by_task);
  EXPECT_GE(by_group, 0.93);
  EXPECT_LT(by_task, 0.88);
}

TEST(Coverage, SignFlipTestRejectsATrueNullAtMostAtItsLevel) {
  int n_rejected = 0;
  for (int i = 0; i < kSimulations; ++i) {
    Draws draws(i);
    std::vector<double> differences;
    for (int task = 0; task < 40; ++task) {
      double sum = 0;
      const double p = draws.uniform();
      for (int seed = 0; seed < 3; ++seed) sum += draws.bernoulli(p) - draws.bernoulli(p);
      differences.push_back(sum / 3);
    }
    if (sign_flip_test(differences).p < 0.05) ++n_rejected;
  }
  EXPECT_LE(n_rejected, 65);  // 50 expected, two standard errors
  EXPECT_GE(n_rejected, 20);
}

TEST(Coverage, RatioOfTimesAtSmallN) {
  for (size_t n_tasks : {8u, 30u}) {
    expect_nominal(coverage(1.8, [&](Draws& draws) {
      PairedTasks tasks(n_tasks);
      for (auto& task : tasks) {
        const double length = std::exp(draws.normal());
        for (int repetition = 0; repetition < 2; ++repetition) {
          task.baseline.push_back(length * std::exp(0.1 * draws.normal()));
          task.strategy.push_back(1.8 * length * std::exp(0.3 * draws.normal()));
        }
      }
      return *estimate_ratio(tasks, RatioOf::kGeometricMeans, kFast)->interval;
    }));
  }
}

TEST(Coverage, MedianLatency) {
  expect_nominal(coverage(std::exp(0.0), [](Draws& draws) {
    Clusters tasks(40);
    for (auto& task : tasks) {
      const double length = 0.5 * draws.normal();
      for (int seed = 0; seed < 2; ++seed) task.push_back(std::exp(length + 0.2 * draws.normal()));
    }
    return *estimate_quantile(tasks, 0.5, kFast)->interval;
  }));
}

TEST(Coverage, MeanByBca) {
  expect_nominal(coverage(1.0, [](Draws& draws) {
    Clusters tasks(40);
    for (auto& task : tasks) task.push_back(-std::log(1 - draws.uniform()));  // skewed
    return *estimate_mean(tasks, kFast)->interval;
  }));
}

}  // namespace
}  // namespace whet::stats
