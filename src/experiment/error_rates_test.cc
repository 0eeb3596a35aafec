// Do the verdicts keep their promise? Simulated experiments with a known truth, judged by the
// product's own code: false claims of every kind in at most 5 % of the experiments. Seeded, so the
// outcome never varies. The table for people: tools/error_rates.cc.
#include <gtest/gtest.h>

#include "experiment/simulated_comparison.h"

namespace whet::experiment {
namespace {

constexpr int kExperiments = 200;
constexpr double kBound = 0.05;

TEST(ErrorRates, OfFiveEqualStrategies) {
  for (const double ratio : {1.0, 3.0}) {
    for (const SimulatedSize& size : {SimulatedSize{30, 1, 5}, SimulatedSize{100, 1, 5},
                                      SimulatedSize{60, 3, 5}, SimulatedSize{300, 1, 5}}) {
      const Truth truth{"equal", 0, 0, ratio, 0.5};
      EXPECT_LE(error_rates(truth, size, kExperiments).any_false, kBound)
          << size.n_tasks << " tasks, " << size.n_seeds << " seeds, ratio " << ratio;
    }
  }
}

TEST(ErrorRates, OfEqualAnswersAtEqualTimeFasterIsNotClaimed) {
  const auto rates = error_rates({"greedy", 0, 0, 1, 0}, {540, 1, 5}, 50);
  EXPECT_LE(rates.any_false, kBound);
}

TEST(ErrorRates, AtTheMargins) {
  EXPECT_LE(error_rates({"g, 1+t", 0.02, 0, 1.05, 0.5}, {300, 1, 5}, kExperiments).any_false,
            kBound);
  EXPECT_LE(error_rates({"-g, 1-t", -0.02, 0, 0.95, 0.5}, {300, 1, 5}, kExperiments).any_false,
            kBound);
}

TEST(ErrorRates, AGainThatTheSameTimeBuysIsNotCalledPaying) {
  EXPECT_LE(error_rates({"control", 0.1, 0.1, 3, 0.5}, {200, 1, 5}, kExperiments).by_label[0],
            kBound);
}

TEST(ErrorRates, RealDifferencesAreStillFound) {
  EXPECT_GE(error_rates({"better", 0.15, 0, 3, 0.5}, {540, 1, 5}, 40).decided, 0.9);
  EXPECT_GE(error_rates({"worse", -0.15, 0, 3, 0.5}, {540, 1, 5}, 40).decided, 0.9);
  EXPECT_GE(error_rates({"faster", 0, 0, 0.7, 0}, {540, 1, 5}, 40).decided, 0.9);
}

}  // namespace
}  // namespace whet::experiment
