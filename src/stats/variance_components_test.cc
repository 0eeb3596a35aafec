#include "stats/variance_components.h"

#include <gtest/gtest.h>

#include <random>

namespace whet::stats {
namespace {

TEST(VarianceComponents, ByHand) {
  // Means 1, 3; within: both have variance 2, of means 2, less 2 / 2.
  const auto of = variance_components({{0, 2}, {2, 4}});
  ASSERT_TRUE(of);
  EXPECT_DOUBLE_EQ(of->within_tasks, 2);
  EXPECT_DOUBLE_EQ(of->between_tasks, 1);
  EXPECT_DOUBLE_EQ(of->n_repetitions, 2);
  EXPECT_DOUBLE_EQ(of->of_mean(2, 2), 1);
  EXPECT_DOUBLE_EQ(of->share_within(), 0.5);
}

TEST(VarianceComponents, TasksThatAgreeHaveNoneBetweenThem) {
  const auto of = variance_components({{0, 1}, {1, 0}, {0, 1}});
  ASSERT_TRUE(of);
  EXPECT_EQ(of->between_tasks, 0) << "never below 0";
  EXPECT_EQ(of->share_within(), 1);
}

TEST(VarianceComponents, OneRepetitionSaysNothing) {
  EXPECT_FALSE(variance_components({{0}, {1}, {1}}));
  EXPECT_FALSE(variance_components({{0, 1}}));
  EXPECT_FALSE(variance_components({}));
  EXPECT_EQ(variance_components({{1, 1}, {1, 1}})->share_within(), 0);
}

TEST(VarianceComponents, FindsWhatTheDataWereMadeFrom) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> task(0, 2), repetition(0, 3);
  double between = 0, within = 0;
  constexpr int kTimes = 200;
  for (int i = 0; i < kTimes; ++i) {
    Clusters tasks(40);
    for (auto& values : tasks) {
      const double mean = task(random);
      for (int k = 0; k < 5; ++k) values.push_back(mean + repetition(random));
    }
    const auto of = variance_components(tasks);
    between += of->between_tasks / kTimes;
    within += of->within_tasks / kTimes;
  }
  EXPECT_NEAR(between, 4, 0.3);
  EXPECT_NEAR(within, 9, 0.3);
}

}  // namespace
}  // namespace whet::stats
