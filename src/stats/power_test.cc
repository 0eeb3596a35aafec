#include "stats/power.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "stats/margin.h"

namespace whet::stats {
namespace {

/// Share of simulated experiments in which our own test shows the gain.
double share_that_shows(int n_tasks, double gain, const PairedDesign& design) {
  constexpr int kExperiments = 400;
  const double won = (design.changed + gain) / 2;
  int n_shown = 0;
  for (int i = 0; i < kExperiments; ++i) {
    const CounterRng rng(29, static_cast<uint64_t>(i));
    PairedTasks tasks;
    for (int t = 0; t < n_tasks; ++t) {
      const double u = rng.uniform(static_cast<uint64_t>(t));
      const double baseline = u >= won && u < design.changed ? 1 : 0;
      const double strategy = u < won ? 1 : 0;
      tasks.push_back({{baseline}, {strategy}});
    }
    n_shown += test_accuracy_difference(tasks)->p_above(0) < design.alpha;
  }
  return static_cast<double>(n_shown) / kExperiments;
}

TEST(Power, TheGainIsShownAsOftenAsPromised) {
  for (const PairedDesign& design : {PairedDesign{.changed = 0.2}, PairedDesign{.changed = 0.4},
                                     PairedDesign{.changed = 0.3, .alpha = 0.01}}) {
    for (const int n : {150, 400}) {
      const auto gain = detectable_gain(n, design);
      ASSERT_TRUE(gain);
      EXPECT_NEAR(share_that_shows(n, *gain, design), design.power, 0.07)
          << n << " tasks, " << design.changed;
    }
  }
}

TEST(Power, TasksAndGainsAgree) {
  const PairedDesign design{.changed = 0.2};
  for (const double gain : {0.02, 0.05, 0.1, 0.2}) {
    const auto n = tasks_to_show(gain, design);
    ASSERT_TRUE(n);
    EXPECT_LE(*detectable_gain(*n, design), gain);
    const auto fewer = detectable_gain(*n - 1, design);
    EXPECT_TRUE(!fewer || *fewer > gain);
  }
  EXPECT_FALSE(tasks_to_show(1e-6, design));
  EXPECT_FALSE(detectable_gain(1, design));
  EXPECT_FALSE(detectable_gain(5, {.changed = 0.05}));  // the change is smaller than what shows
}

}  // namespace
}  // namespace whet::stats
