#include "stats/alpha_spending.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "base/rng.h"
#include "stats/distribution.h"

namespace whet::stats {
namespace {

TEST(AlphaSpending, ASingleLookAtTheEndHasAllOfIt) {
  EXPECT_EQ(level_of_last_look(0.05, std::array{1.0}), 0.05);
  EXPECT_EQ(spent_alpha(0.05, 0), 0);
}

TEST(AlphaSpending, IsLanAndDeMetsFunction) {
  // 0.05 ln(1 + (e - 1) / 2) = 0.0310; tables of Pocock-type spending give .0310 at one half.
  EXPECT_NEAR(spent_alpha(0.05, 0.5), 0.0310, 5e-5);
}

TEST(AlphaSpending, AllLooksTogetherSpendNoMore) {
  std::vector<double> looks;
  double spent = 0;
  for (const double t : {0.1, 0.15, 0.6, 0.95, 1.0}) {
    looks.push_back(t);
    const double level = level_of_last_look(0.05, looks);
    EXPECT_GT(level, 0);
    spent += level;
  }
  EXPECT_NEAR(spent, 0.05, 1e-15);
}

/// Share of experiments without an effect in which any of ten looks at a growing mean finds one.
double found_at_any_look(bool corrected) {
  constexpr int kExperiments = 2000, kLooks = 10, kPerLook = 20;
  int n_found = 0;
  for (int experiment = 0; experiment < kExperiments; ++experiment) {
    const CounterRng rng(7, static_cast<uint64_t>(experiment));
    uint64_t counter = 0;
    std::vector<double> looks;
    double sum = 0;
    bool found = false;
    for (int look = 1; look <= kLooks; ++look) {
      for (int i = 0; i < kPerLook; ++i) {
        sum += normal_quantile((rng.uniform(counter++) + 0x1.0p-54) * (1 - 0x1.0p-52));
      }
      looks.push_back(static_cast<double>(look) / kLooks);
      const double p = 1 - normal_cdf(sum / std::sqrt(static_cast<double>(look * kPerLook)));
      found |= p < (corrected ? level_of_last_look(0.05, looks) : 0.05);
    }
    n_found += found;
  }
  return static_cast<double>(n_found) / kExperiments;
}

TEST(AlphaSpending, KeepsTheErrorRateThatLookingOnWouldRaise) {
  EXPECT_GT(found_at_any_look(false), 0.12);
  EXPECT_LT(found_at_any_look(true), 0.05);
}

}  // namespace
}  // namespace whet::stats
