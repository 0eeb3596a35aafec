// Groups of tasks: on their own they change nothing, alike within they count once.
#include "stats/group.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "stats/accuracy.h"
#include "stats/margin.h"
#include "stats/ratio.h"
#include "stats/sample.h"
#include "stats/significance.h"

namespace whet::stats {
namespace {

/// Six tasks won, three lost and nine drawn, each `times` times, the copies in one group or not.
PairedTasks outcomes(size_t times, bool grouped) {
  PairedTasks tasks;
  for (int64_t i = 0; i < 18; ++i) {
    PairedTask task{{i < 6 ? 0.0 : 1.0}, {i >= 6 && i < 9 ? 0.0 : 1.0}};
    task.group = grouped ? i : kOwnGroup;
    tasks.insert(tasks.end(), times, task);
  }
  return tasks;
}

TEST(Group, MembersAreInOrderOfTheirFirstTask) {
  const auto members = group_members(std::array<int64_t, 6>{7, kOwnGroup, 3, 7, kOwnGroup, 3});
  EXPECT_EQ(members, (std::vector<std::vector<uint32_t>>{{0, 3}, {1}, {2, 5}, {4}}));
}

TEST(Group, OfOneTaskIsThePlainError) {
  const std::vector<double> values = {0.1, -0.4, 0.8, 0.8, 0.25};
  const auto alone = group_sums(values, std::vector<int64_t>(values.size(), kOwnGroup));
  EXPECT_NEAR(mean_over_tasks(alone), *mean(values), 1e-15);
  EXPECT_NEAR(mean_error(alone), std::sqrt(*variance(values) / 5), 1e-15);
}

TEST(Group, ErrorOfUnequalGroupsAgreesWithTheFormulaByHand) {
  // Groups of 1 and 3 tasks, mean 0.5: sums off by -0.5 and +0.5.
  const std::array<GroupSum, 2> groups = {{{0, 1}, {2, 3}}};
  EXPECT_DOUBLE_EQ(mean_error(groups), std::sqrt(0.5 * 2) / 4);
}

TEST(Group, DesignEffectIsOneAloneAndTheSizeOfGroupsThatComeOutAlike) {
  const std::vector<double> values = {0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0};
  const std::vector<int64_t> alone(12, kOwnGroup);
  const std::vector<int64_t> pairs = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5};
  const std::vector<int64_t> apart = {0, 1, 0, 2, 1, 3, 2, 4, 5, 3, 4, 5};  // a 0 and a 1 in each
  EXPECT_DOUBLE_EQ(*design_effect(values, alone), 1);
  EXPECT_NEAR(*design_effect(values, pairs), 2 * (6.0 / 5) / (12.0 / 11), 1e-12)
      << "twice, but for the divisors of few units";
  EXPECT_LT(*design_effect(values, apart), 1) << "groups that hold both tell more";
  EXPECT_FALSE(design_effect(std::vector<double>(12, 1.0), pairs));
  EXPECT_FALSE(design_effect(values, std::vector<int64_t>(12, 4))) << "one group";
}

TEST(Group, CopiesOfATaskAreNoNews) {
  const auto once = *estimate_accuracy_difference(outcomes(1, false));
  const auto copies = *estimate_accuracy_difference(outcomes(5, true));
  const auto taken_for_tasks = *estimate_accuracy_difference(outcomes(5, false));
  EXPECT_DOUBLE_EQ(copies.estimate.value, once.estimate.value);
  EXPECT_NEAR(copies.estimate.interval->low, once.estimate.interval->low, 1e-12);
  EXPECT_NEAR(copies.estimate.interval->high, once.estimate.interval->high, 1e-12);
  EXPECT_NEAR(*copies.p, *once.p, 1e-12);
  EXPECT_LT(*taken_for_tasks.p, *once.p / 2);
  EXPECT_EQ(copies.estimate.n, 18);
  EXPECT_EQ(copies.test, "exact sign-flip by group");
  EXPECT_EQ(once.test, "exact sign-flip by task");

  const auto margin = *test_accuracy_difference(outcomes(5, true));
  EXPECT_NEAR(margin.p_above(-0.02), test_accuracy_difference(outcomes(1, false))->p_above(-0.02),
              1e-12);
  EXPECT_NEAR(margin.detectable(0.05),
              test_accuracy_difference(outcomes(1, false))->detectable(0.05), 1e-12);
}

TEST(Group, CopiesOfATaskLeaveTheAccuracyAsUnsure) {
  Clusters once, copies;
  std::vector<int64_t> groups;
  for (int64_t i = 0; i < 20; ++i) {
    const std::vector<double> seeds = {i < 12 ? 1.0 : 0.0, i < 14 ? 1.0 : 0.0};
    once.push_back(seeds);
    for (int k = 0; k < 4; ++k) {
      copies.push_back(seeds);
      groups.push_back(i);
    }
  }
  const auto plain = *estimate_accuracy(once);
  const auto grouped = *estimate_accuracy(copies, 0.95, groups);
  EXPECT_NEAR(grouped.value, plain.value, 1e-12);
  EXPECT_NEAR(grouped.interval->low, plain.interval->low, 1e-12);
  EXPECT_NEAR(grouped.interval->high, plain.interval->high, 1e-12);
  EXPECT_EQ(grouped.method, "Wilson, effective n by group");
  EXPECT_GT(estimate_accuracy(copies)->interval->low, plain.interval->low + 0.03);
}

TEST(Group, RatiosAreDrawnByGroup) {
  PairedTasks once, copies;
  for (int64_t i = 0; i < 12; ++i) {
    const double time = 1 + 0.3 * static_cast<double>(i % 4);
    PairedTask task{{1.0}, {time}};
    task.group = i;
    once.push_back(task);
    copies.insert(copies.end(), 3, task);
  }
  const auto plain = *estimate_ratio(once);
  const auto grouped = *estimate_ratio(copies);
  EXPECT_NEAR(grouped.interval->low, plain.interval->low, 1e-12);
  EXPECT_NEAR(grouped.interval->high, plain.interval->high, 1e-12);
  EXPECT_EQ(grouped.n, 12);
  EXPECT_NEAR(test_log_ratio(copies)->p_above(0.3), test_log_ratio(once)->p_above(0.3), 1e-12);
}

}  // namespace
}  // namespace whet::stats
