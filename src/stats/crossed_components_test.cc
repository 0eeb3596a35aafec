#include "stats/crossed_components.h"

#include <gtest/gtest.h>

#include <random>

namespace whet::stats {
namespace {

TEST(CrossedComponents, ByHand) {
  // Cell means 1, 3 and 3, 9: of tasks 2, 6, of wordings 2, 6, rests of 1. Within: all have 2.
  const auto of = crossed_components({{{0, 2}, {2, 4}}, {{2, 4}, {8, 10}}});
  ASSERT_TRUE(of);
  EXPECT_DOUBLE_EQ(of->within, 2);
  EXPECT_DOUBLE_EQ(of->n_repetitions, 2);
  EXPECT_DOUBLE_EQ(of->interaction, 4 - 1);
  EXPECT_DOUBLE_EQ(of->between_tasks, 8 - 2);
  EXPECT_DOUBLE_EQ(of->between_wordings, 8 - 2);
  EXPECT_DOUBLE_EQ(of->of_mean(), 3 + 3 + (3 + 1) / 4.0);
  EXPECT_DOUBLE_EQ(of->share_within(), 0.25 / 7);
  EXPECT_DOUBLE_EQ(of->share_of_wordings(), (3 + 0.75) / 7);
}

TEST(CrossedComponents, TasksThatLackAWordingDoNotCount) {
  const std::vector<Clusters> whole = {{{0, 2}, {2, 4}}, {{2, 4}, {8, 10}}};
  auto more = whole;
  more.push_back({{50, 70}, {}});
  more.push_back({{90, 70}});
  EXPECT_DOUBLE_EQ(crossed_components(more)->between_tasks,
                   crossed_components(whole)->between_tasks);
  EXPECT_DOUBLE_EQ(crossed_components(more)->within, 2);
}

TEST(CrossedComponents, NoneWhereNothingCanBeToldApart) {
  EXPECT_FALSE(crossed_components({}));
  EXPECT_FALSE(crossed_components({{{0, 1}, {1, 0}}})) << "one task";
  EXPECT_FALSE(crossed_components({{{0, 1}}, {{1, 0}}})) << "one wording";
  EXPECT_FALSE(crossed_components({{{0}, {1}}, {{1}, {0}}})) << "one repetition";
  EXPECT_EQ(crossed_components({{{1, 1}, {1, 1}}, {{1, 1}, {1, 1}}})->share_of_wordings(), 0);
}

TEST(CrossedComponents, FindWhatTheDataWereMadeFrom) {
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal;
  CrossedComponents found;
  double of_mean = 0, means = 0, squares = 0;
  constexpr int kTimes = 2000;
  constexpr size_t kWordings = 5;
  for (int time = 0; time < kTimes; ++time) {
    std::vector<double> wordings(kWordings);
    for (double& wording : wordings) wording = 1.5 * normal(random);
    std::vector<Clusters> tasks(12, Clusters(kWordings));
    double sum = 0, n = 0;
    for (Clusters& task : tasks) {
      const double of_task = 2 * normal(random);
      for (size_t w = 0; w < kWordings; ++w) {
        const double cell = of_task + wordings[w] + 1.2 * normal(random);
        for (int k = 0; k < 3; ++k) {
          task[w].push_back(cell + 3 * normal(random));
          sum += task[w].back();
          ++n;
        }
      }
    }
    const auto of = crossed_components(tasks);
    ASSERT_TRUE(of);
    found.between_tasks += of->between_tasks / kTimes;
    found.between_wordings += of->between_wordings / kTimes;
    found.interaction += of->interaction / kTimes;
    found.within += of->within / kTimes;
    of_mean += of->of_mean() / kTimes;
    means += sum / n / kTimes;
    squares += sum / n * (sum / n) / kTimes;
  }
  EXPECT_NEAR(found.between_tasks, 4, 0.15);
  EXPECT_NEAR(found.between_wordings, 2.25, 0.15);
  EXPECT_NEAR(found.interaction, 1.44, 0.1);
  EXPECT_NEAR(found.within, 9, 0.1);
  EXPECT_NEAR(of_mean, squares - means * means, 0.05) << "what the mean of such data really has";
}

}  // namespace
}  // namespace whet::stats
