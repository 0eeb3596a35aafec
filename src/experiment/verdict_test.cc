#include "experiment/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

namespace whet::experiment {
namespace {

struct Counts {
  int won;  // tasks that only the strategy has right
  int lost;
};

struct Row {
  const char* why;
  int n_tasks;
  Counts gain;
  std::optional<Counts> on_control;
  double time_ratio;  // 0: times are not known
  const char* label;
};

stats::PairedTasks pairs(int n_tasks, Counts counts) {
  stats::PairedTasks tasks;
  for (int i = 0; i < n_tasks; ++i) {
    const bool strategy = i < counts.won || i >= counts.won + counts.lost;
    const bool reference = i >= counts.won;
    // Of the tasks that do not differ, every third is wrong on both sides.
    const bool both_wrong = i >= counts.won + counts.lost && i % 3 == 0;
    tasks.push_back(
        {{reference && !both_wrong ? 1.0 : 0.0}, {strategy && !both_wrong ? 1.0 : 0.0}});
  }
  return tasks;
}

stats::PairedTasks times(int n_tasks, double ratio) {
  stats::PairedTasks tasks;
  for (int i = 0; ratio > 0 && i < n_tasks; ++i) {
    const double noise = i % 2 == 0 ? 1.02 : 1 / 1.02;
    tasks.push_back({{1.0 + i % 7}, {ratio * noise * (1.0 + i % 7)}});
  }
  return tasks;
}

Comparison comparison(const Row& row) {
  Comparison of;
  of.gain.measured = pairs(row.n_tasks, row.gain);
  if (row.on_control) {
    of.gain_on_control.emplace();
    of.gain_on_control->measured = pairs(row.n_tasks, *row.on_control);
  }
  of.times = times(row.n_tasks, row.time_ratio);
  of.baseline_accuracy = of.accuracy = 0.6;
  return of;
}

Verdict verdict(const Comparison& of) {
  return judge({of}, VerdictOptions{}).front();
}

const char* const kPays = "pays";
const char* const kNotPays = "does not pay";
const char* const kSame = "makes no difference";
const char* const kUnknown = "cannot tell at this n";

TEST(Verdict, IsTestedAtTheLevelThatThisLookMaySpend) {
  const Comparison of = comparison({"a clear gain", 100, {20, 2}, {}, 3, kPays});
  VerdictOptions options;
  EXPECT_EQ(results::verdict_label_name(judge({of}, options)[0].label), kPays);
  const double all = *judge({of}, options)[0].detectable_gain;
  options.alpha = 1e-6;
  EXPECT_EQ(results::verdict_label_name(judge({of}, options)[0].label), kUnknown);
  EXPECT_GT(*judge({of}, options)[0].detectable_gain, all);
}

TEST(Verdict, FollowsTheRule) {
  const std::optional<Counts> none;
  const Row rows[] = {
      // Better.
      {"a clear gain", 100, {20, 2}, none, 3, kPays},
      {"a clear gain, also at equal time", 100, {20, 2}, Counts{18, 2}, 3, kPays},
      {"a gain, but not at equal time", 100, {20, 2}, Counts{9, 5}, 3, kUnknown},
      {"a gain that chance gives too", 100, {7, 2}, none, 3, kUnknown},
      {"a clear gain, time unknown", 100, {20, 2}, none, 0, kPays},
      {"a gain that is too small to be worth it", 4000, {30, 2}, none, 3, kNotPays},
      // Faster.
      {"faster without loss", 1000, {2, 2}, none, 0.7, kPays},
      {"faster, with a loss that is too small to matter", 4000, {2, 30}, none, 0.7, kPays},
      {"faster, but a loss of g is possible", 100, {2, 2}, none, 0.7, kUnknown},
      {"faster by less than is worth it", 100, {2, 2}, none, 0.97, kUnknown},
      // Not worth it.
      {"slower, and a gain of g is ruled out", 1000, {2, 2}, none, 3, kNotPays},
      {"slower, but a gain of g is possible", 100, {2, 2}, none, 3, kUnknown},
      {"a gain, but the same time buys as much", 1000, {60, 5}, Counts{2, 2}, 3, kNotPays},
      {"a gain, but the same time buys more", 1000, {60, 5}, Counts{2, 30}, 3, kNotPays},
      {"worse", 100, {2, 20}, none, 1, kNotPays},
      {"worse, although faster", 100, {2, 20}, none, 0.7, kNotPays},
      {"worse, time unknown", 100, {2, 20}, none, 0, kNotPays},
      // Equal.
      {"neither accuracy nor time differs", 1000, {2, 2}, none, 1, kSame},
      {"no time known, no gain", 1000, {2, 2}, none, 0, kUnknown},
      // Nothing to go by.
      {"nothing clear", 100, {10, 10}, none, 1, kUnknown},
      {"one task", 1, {1, 0}, none, 3, kUnknown},
      {"no task", 0, {0, 0}, none, 3, kUnknown},
  };
  for (const Row& row : rows) {
    const Verdict given = verdict(comparison(row));
    EXPECT_EQ(verdict_label_name(given.label), row.label) << row.why << ": " << given.reason;
    EXPECT_EQ(given.claim.has_value(), given.label != VerdictLabel::kCannotTell) << row.why;
    EXPECT_TRUE(given.reason.ends_with('.')) << given.reason;
  }
}

TEST(Verdict, OfOneStrategyDependsOnHowManyWereTried) {
  const Comparison one = comparison({"", 100, {14, 3}, std::nullopt, 3, ""});
  EXPECT_EQ(judge({one}, {})[0].label, VerdictLabel::kPays);
  const Comparison nothing = comparison({"", 100, {10, 10}, std::nullopt, 1, ""});
  const auto among_many = judge({one, nothing, nothing, nothing, nothing}, {})[0];
  EXPECT_EQ(among_many.label, VerdictLabel::kCannotTell);
  EXPECT_NE(among_many.reason.find("correction for several comparisons"), std::string::npos)
      << among_many.reason;
}

TEST(Verdict, OpenRunsThatCouldDecideWithholdIt) {
  Comparison of = comparison({"", 100, {20, 2}, std::nullopt, 3, ""});
  of.open_runs = "15 of 100 baseline runs and 0 of 100 of its own were cut off or failed";
  of.gain.at_worst = pairs(100, {5, 2});
  of.gain.at_best = of.gain.measured;
  const Verdict withheld = verdict(of);
  EXPECT_EQ(withheld.label, VerdictLabel::kCannotTell);
  EXPECT_NE(withheld.reason.find("15 of 100 baseline runs"), std::string::npos) << withheld.reason;
  of.gain.at_worst = pairs(100, {19, 2});
  EXPECT_EQ(verdict(of).label, VerdictLabel::kPays) << "too few to decide";
}

TEST(Verdict, OpenRunsOfTheStrategyProtectItFromCondemnation) {
  Comparison of = comparison({"", 1000, {2, 2}, std::nullopt, 3, ""});
  of.open_runs = "0 of 1000 baseline runs and 200 of 1000 of its own were cut off or failed";
  of.gain.at_worst = of.gain.measured;
  of.gain.at_best = pairs(1000, {150, 2});
  EXPECT_EQ(verdict(of).label, VerdictLabel::kCannotTell);
}

TEST(Verdict, TasksWithoutRoomCondemnNothing) {
  Comparison of = comparison({"", 1000, {2, 2}, std::nullopt, 3, ""});
  of.baseline_accuracy = 1 - VerdictOptions{}.min_gain;  // room for just the smallest one
  EXPECT_EQ(verdict(of).label, VerdictLabel::kDoesNotPay);
  of.baseline_accuracy = 0.99;
  EXPECT_NE(verdict(of).reason.find("no room for a gain"), std::string::npos);
  EXPECT_EQ(verdict(of).label, VerdictLabel::kCannotTell);
  of.baseline_accuracy = of.accuracy = 0;
  EXPECT_NE(verdict(of).reason.find("too hard"), std::string::npos);
  of.times = times(1000, 0.5);
  EXPECT_EQ(verdict(of).label, VerdictLabel::kCannotTell) << "faster at nothing right is no gain";
}

TEST(Verdict, GivesTheNumbersThatDecided) {
  Comparison of = comparison({"", 100, {20, 2}, Counts{18, 2}, 4.8, ""});
  of.gain_estimate = stats::Estimate{0.09, stats::Interval{-.03, .15}, 0.95, "", 100};
  of.control_estimate = stats::Estimate{-.03, stats::Interval{-.01, .05}, 0.95, "", 100};
  of.time_ratio = stats::Estimate{4.8, stats::Interval{4.6, 5}, 0.95, "", 100};
  EXPECT_EQ(
      verdict(of).reason,
      "+0.090 [\u22120.030, +0.150] accuracy for 4.80\u00d7 the time [4.60, 5.00]; against the "
      "baseline given the same time \u22120.030 [\u22120.010, +0.050]: better than the "
      "baseline, also at equal time.");
}

TEST(Verdict, SaysWhichGainItWouldHaveShown) {
  const auto few = verdict(comparison({"", 50, {5, 5}, std::nullopt, 3, ""}));
  const auto many = verdict(comparison({"", 200, {20, 20}, std::nullopt, 3, ""}));
  ASSERT_TRUE(few.detectable_gain && many.detectable_gain);
  EXPECT_NEAR(*few.detectable_gain / *many.detectable_gain, 2, 0.3) << "goes with 1/sqrt(n)";
  EXPECT_NEAR(*many.detectable_gain, (2.2414 + 0.8416) * std::sqrt(0.2 / 200), 0.01);
}

}  // namespace
}  // namespace whet::experiment
