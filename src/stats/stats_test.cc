// Values against scipy, statsmodels and numpy (testdata/stats_golden.h) and degenerate inputs.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "stats/accuracy.h"
#include "stats/bootstrap.h"
#include "stats/correction.h"
#include "stats/distribution.h"
#include "stats/margin.h"
#include "stats/ratio.h"
#include "stats/sample.h"
#include "stats/sampling.h"
#include "stats/significance.h"
#include "stats/testdata/stats_golden.h"

namespace whet::stats {
namespace {

IndexStatistic mean_of(const std::vector<double>& sample) {
  return [&sample](std::span<const uint32_t> indices) {
    double sum = 0;
    for (uint32_t i : indices) sum += sample[i];
    return sum / static_cast<double>(indices.size());
  };
}

TEST(Sample, QuantilesAgreeWithNumpy) {
  for (const auto& [q, value] : golden::kQuantiles)
    EXPECT_NEAR(*quantile(golden::kSample, q), value, 1e-12) << q;
  EXPECT_NEAR(*variance(golden::kSample), golden::kVariance, 1e-12);
  EXPECT_NEAR(*median_absolute_deviation(golden::kSample), golden::kMad, 1e-12);
}

TEST(Sample, MissingIsNotZero) {
  EXPECT_FALSE(mean({}));
  EXPECT_FALSE(median({}));
  EXPECT_FALSE(quantile({}, 0.5));
  EXPECT_FALSE(median_absolute_deviation({}));
  EXPECT_FALSE(variance(std::array{1.0}));
  EXPECT_EQ(*quantile({4.0}, 0.95), 4.0);
}

TEST(Distribution, QuantilesAgreeWithScipy) {
  for (const auto& [p, x] : golden::kNormal)
    EXPECT_NEAR(normal_quantile(p), x, 1e-9 * (1 + std::abs(x))) << p;
  for (const auto& [p, degrees, t] : golden::kStudent)
    EXPECT_NEAR(student_t_quantile(p, degrees), t, 1e-9 * (1 + std::abs(t))) << p << " " << degrees;
}

TEST(Accuracy, WilsonAgreesWithStatsmodels) {
  for (const auto& [k, n, level, low, high] : golden::kWilson) {
    const auto interval = wilson_interval(k, n, level);
    ASSERT_TRUE(interval);
    EXPECT_NEAR(interval->low, low, 1e-12);
    EXPECT_NEAR(interval->high, high, 1e-12);
  }
  EXPECT_FALSE(wilson_interval(0, 0));
}

TEST(Accuracy, OneSeedPerTaskIsPlainWilson) {
  Clusters tasks(10, {1.0});
  for (size_t i = 0; i < 3; ++i) tasks[i] = {0.0};
  const auto estimate = estimate_accuracy(tasks);
  const auto wilson = wilson_interval(7, 10);
  EXPECT_DOUBLE_EQ(estimate->value, 0.7);
  EXPECT_NEAR(estimate->interval->low, wilson->low, 1e-9);
  EXPECT_NEAR(estimate->interval->high, wilson->high, 1e-9);
  EXPECT_EQ(estimate->method, "Wilson");
  EXPECT_EQ(estimate->n, 10);
}

TEST(Accuracy, RepeatingEveryRunAddsNoCertainty) {
  Clusters once, thrice;
  for (int i = 0; i < 20; ++i) {
    const double x = i % 3 == 0 ? 0.0 : 1.0;
    once.push_back({x});
    thrice.push_back({x, x, x});
  }
  const auto a = estimate_accuracy(once);
  const auto b = estimate_accuracy(thrice);
  EXPECT_LE(b->interval->low, a->interval->low);
  EXPECT_GE(b->interval->high, a->interval->high);
  EXPECT_NEAR(a->interval->low, b->interval->low, 0.03);
  EXPECT_NEAR(a->interval->high, b->interval->high, 0.03);
}

TEST(Accuracy, DegenerateInputs) {
  EXPECT_FALSE(estimate_accuracy({}));
  EXPECT_FALSE(estimate_accuracy({{}, {}}));
  const auto one = estimate_accuracy({{1.0}});
  EXPECT_EQ(one->value, 1.0);
  EXPECT_LT(one->interval->low, 0.25);  // one success says little
  const auto all_equal = estimate_accuracy(Clusters(5, {1, 1, 1}));
  EXPECT_EQ(all_equal->value, 1.0);
  EXPECT_LT(all_equal->interval->low, wilson_interval(5, 5)->low) << "5 tasks, not 15 trials";
  EXPECT_EQ(estimate_accuracy({{1, 0, 1}})->interval->low, wilson_interval(2.0 / 3, 1)->low);
}

TEST(Difference, IntervalDoesNotCollapseWhenNoTaskDiffers) {
  const PairedTasks same(30, PairedTask{{1.0}, {1.0}});
  const auto difference = estimate_accuracy_difference(same);
  EXPECT_EQ(difference->estimate.value, 0);
  EXPECT_LT(difference->estimate.interval->low, -0.05);
  EXPECT_GT(difference->estimate.interval->high, 0.05);
  EXPECT_EQ(*difference->p, 1);
}

TEST(Difference, PairsByTaskAndSkipsHalfTasks) {
  PairedTasks tasks{{{1.0}, {}}, {{}, {1.0}}};
  EXPECT_FALSE(estimate_accuracy_difference(tasks));
  tasks.push_back({{0, 0, 1}, {1, 1, 1}});
  const auto difference = estimate_accuracy_difference(tasks);
  EXPECT_NEAR(difference->estimate.value, 2.0 / 3, 1e-12);
  EXPECT_EQ(difference->estimate.n, 1);
  EXPECT_EQ(*difference->p, 1);  // one task cannot decide
  EXPECT_LE(difference->estimate.interval->low, -0.5);
}

TEST(Difference, SwappingTheArmsMirrorsTheEstimate) {
  PairedTasks tasks, swapped;
  for (int i = 0; i < 25; ++i) {
    const double b = i % 2, s = i % 3 ? 1 : 0;
    tasks.push_back({{b}, {s}});
    swapped.push_back({{s}, {b}});
  }
  const auto a = estimate_accuracy_difference(tasks);
  const auto b = estimate_accuracy_difference(swapped);
  EXPECT_DOUBLE_EQ(a->estimate.value, -b->estimate.value);
  EXPECT_DOUBLE_EQ(*a->p, *b->p);
  EXPECT_NEAR(a->estimate.interval->low, -b->estimate.interval->high, 0.03);
}

TEST(PairedTest, SignTestAgreesWithScipy) {
  for (const auto& [plus, minus, p] : golden::kSign)
    EXPECT_NEAR(sign_test(plus, minus), p, 1e-9) << plus << " " << minus;
  EXPECT_EQ(sign_test(0, 0), 1);
}

TEST(PairedTest, FlipTestAgreesWithListingAllPatterns) {
  for (const auto& [differences, p] : golden::kFlip) {
    const auto test = sign_flip_test(differences, 100000);
    EXPECT_NEAR(test.p, p, test.exact ? 1e-12 : 0.005);
  }
  EXPECT_TRUE(sign_flip_test(golden::kFlip[0].differences).exact);
  EXPECT_EQ(sign_flip_test(std::vector<double>(9, 0.0)).p, 1);
  EXPECT_EQ(sign_flip_test({}).p, 1);
}

TEST(PairedTest, FlipTestOfSingleRunsIsMcNemar) {
  std::vector<double> differences(100, 0.0);
  for (size_t i = 0; i < 9; ++i) differences[i] = 1;
  for (size_t i = 9; i < 12; ++i) differences[i] = -1;
  EXPECT_NEAR(sign_flip_test(differences).p, mcnemar_exact_test(3, 9), 1e-12);
}

TEST(Bootstrap, BcaAgreesWithScipy) {
  const auto interval =
      bootstrap_bca(golden::kSample.size(), mean_of(golden::kSample), {.n_resamples = 200000});
  EXPECT_NEAR(interval->low, golden::kBcaLow, 0.02);
  EXPECT_NEAR(interval->high, golden::kBcaHigh, 0.02);
}

TEST(Bootstrap, SameSeedSameInterval) {
  const auto statistic = mean_of(golden::kSample);
  const size_t n = golden::kSample.size();
  const auto a = bootstrap_percentile(n, statistic, {.seed = 3});
  const auto b = bootstrap_percentile(n, statistic, {.seed = 3});
  const auto c = bootstrap_percentile(n, statistic, {.seed = 4});
  EXPECT_EQ(a->low, b->low);
  EXPECT_EQ(a->high, b->high);
  EXPECT_NE(a->low, c->low);
}

TEST(Bootstrap, ThePercentileIntervalIsExpandedForSmallSamples) {
  const std::vector<double> sample = {1, 2, 4, 8, 16};
  const BootstrapOptions options{.n_resamples = 20000, .seed = 5};
  const auto replicates = bootstrap_distribution(sample.size(), mean_of(sample), options);
  const auto interval = bootstrap_percentile(sample.size(), mean_of(sample), options);
  ASSERT_TRUE(interval);
  // t at 4 degrees of freedom, from tables: 2.776445; Phi(-sqrt(5 / 4) 2.776445) = 0.0009541.
  constexpr double kTail = 0.0009541;
  EXPECT_NEAR(interval->low, quantile_of_sorted(replicates, kTail), 1e-3);
  EXPECT_NEAR(interval->high, quantile_of_sorted(replicates, 1 - kTail), 1e-3);
  EXPECT_LT(quantile_of_sorted(replicates, kTail), quantile_of_sorted(replicates, 0.025) - 0.1);
}

TEST(Bootstrap, DegenerateInputs) {
  const std::vector<double> same(6, 2.5);
  const auto interval = bootstrap_bca(6, mean_of(same), {});
  EXPECT_EQ(interval->low, 2.5);
  EXPECT_EQ(interval->high, 2.5);
  EXPECT_FALSE(bootstrap_percentile(0, mean_of(same), {}));
  EXPECT_FALSE(bootstrap_percentile(1, mean_of(same), {}));
  EXPECT_FALSE(bootstrap_bca(1, mean_of(same), {}));
  auto never = [](std::span<const uint32_t>) { return std::nan(""); };
  EXPECT_FALSE(bootstrap_percentile(6, never, {}));

  EXPECT_FALSE(estimate_quantile({}, 0.5));
  EXPECT_FALSE(estimate_mean({{}}));
  const auto single = estimate_quantile({{7, 9}}, 0.5);
  EXPECT_EQ(single->value, 8);
  EXPECT_FALSE(single->interval);
  EXPECT_EQ(single->n, 1);
}

TEST(Ratio, KnownRatiosOfEveryKind) {
  PairedTasks tasks;
  for (int i = 1; i <= 12; ++i) tasks.push_back({{1.0 * i, 1.0 * i}, {2.5 * i}});
  for (RatioOf kind : {RatioOf::kGeometricMeans, RatioOf::kMeans, RatioOf::kMedians}) {
    const auto ratio = estimate_ratio(tasks, kind);
    EXPECT_NEAR(ratio->value, 2.5, 1e-12);
  }
  const auto paired = estimate_ratio(tasks);
  EXPECT_NEAR(paired->interval->low, 2.5, 1e-12);  // pairing removes the spread between tasks
  EXPECT_NEAR(paired->interval->high, 2.5, 1e-12);
}

TEST(Ratio, InverseIsInverse) {
  const PairedTasks tasks{{{1}, {2}}, {{2}, {3}}, {{4}, {5}}, {{1}, {4}}};
  PairedTasks swapped;
  for (const auto& t : tasks) swapped.push_back({t.strategy, t.baseline});
  const auto a = estimate_ratio(tasks);
  const auto b = estimate_ratio(swapped);
  EXPECT_NEAR(a->value * b->value, 1, 1e-12);
  EXPECT_NEAR(a->interval->low * b->interval->high, 1, 1e-9);
}

TEST(Ratio, DegenerateInputs) {
  EXPECT_FALSE(estimate_ratio({}));
  EXPECT_FALSE(estimate_ratio({{{0}, {1}}, {{1}, {}}}));
  const auto one = estimate_ratio({{{2}, {3}}});
  EXPECT_NEAR(one->value, 1.5, 1e-12);
  EXPECT_FALSE(one->interval);
}

TEST(Margin, AgreesWithStudentsTByHand) {
  // Log ratios 0, ln 2, ln 4: mean ln 2, standard error ln 2 / sqrt 3.
  const auto ratio = test_log_ratio({{{1}, {1}}, {{1}, {2}}, {{2}, {8}}, {{0}, {1}}});
  ASSERT_TRUE(ratio);
  EXPECT_NEAR(ratio->p_above(0), student_t_cdf(-std::sqrt(3.0), 2), 1e-12);
  EXPECT_NEAR(ratio->p_below(std::log(2.0)), 0.5, 1e-12);
  EXPECT_FALSE(test_log_ratio({{{1}, {2}}}));
  EXPECT_EQ(test_log_ratio({{{1}, {2}}, {{1}, {2}}})->p_above(0.6), 0) << "no spread at all";
}

TEST(Margin, WhatIsShownAboveAMarginIsShownAboveSmallerOnes) {
  PairedTasks tasks(30, PairedTask{{0.0}, {0.0}});
  for (size_t i = 0; i < 12; ++i) tasks[i].strategy = {1.0};
  tasks[12].baseline = {1.0};
  const auto test = test_accuracy_difference(tasks);
  ASSERT_TRUE(test);
  for (double margin = -0.5; margin < 0.9; margin += 0.01) {
    EXPECT_LE(test->p_above(margin), test->p_above(margin + 0.01)) << margin;
    EXPECT_GE(test->p_below(margin), test->p_below(margin + 0.01)) << margin;
  }
  // From 0 on the sign-flip test must agree: 12 of 13 discordant tasks, one-sided.
  EXPECT_GE(test->p_above(0), mcnemar_exact_test(1, 12) / 2);
  EXPECT_FALSE(test_accuracy_difference({{{1}, {0}}}));
}

TEST(Margin, DetectableGainGoesWithTheSpread) {
  PairedTasks tasks(100, PairedTask{{1.0}, {1.0}});
  for (size_t i = 0; i < 10; ++i) (i % 2 ? tasks[i].strategy : tasks[i].baseline) = {0.0};
  const double wide = test_accuracy_difference(tasks)->detectable(0.025);
  EXPECT_NEAR(wide, (1.984 + 0.845) * std::sqrt(12.0 / 101 / 102), 0.001);
  EXPECT_LT(wide, test_accuracy_difference(tasks)->detectable(0.0025));
}

TEST(Correction, HolmAgreesWithStatsmodels) {
  const auto adjusted = holm_adjust(golden::kHolmIn);
  for (size_t i = 0; i < adjusted.size(); ++i) EXPECT_NEAR(adjusted[i], golden::kHolmOut[i], 1e-12);
  EXPECT_TRUE(holm_adjust({}).empty());
  EXPECT_EQ(holm_adjust(std::array{.01, .02, .5}, 2), (std::vector{.02, .04, .5}));
}

TEST(Sampling, PassAtKAgreesWithTheHypergeometric) {
  for (const auto& [n, c, k, value] : golden::kPassAtK)
    EXPECT_NEAR(*pass_at_k(n, c, k), value, 1e-10) << n << " " << c << " " << k;
  EXPECT_FALSE(pass_at_k(3, 1, 4));
  EXPECT_FALSE(pass_at_k(3, 1, 0));
  EXPECT_EQ(*pass_at_k(3, 3, 3), 1);
}

TEST(Sampling, AurocAgreesWithMannWhitney) {
  std::vector<ScoredCandidate> candidates;
  for (size_t i = 0; i < golden::kScores.size(); ++i)
    candidates.push_back({golden::kScores[i], golden::kCorrect[i] == 1});
  EXPECT_NEAR(*auroc(candidates), golden::kAuroc, 1e-12);
  EXPECT_FALSE(auroc({{1, true}, {2, true}}));
  EXPECT_FALSE(auroc({}));
  EXPECT_FALSE(auroc({{std::nan(""), true}, {2, false}}));
  EXPECT_EQ(*auroc({{1, true}, {1, false}}), 0.5);
  const auto estimate = estimate_auroc({candidates, candidates, candidates});
  EXPECT_NEAR(estimate->value, golden::kAuroc, 1e-12);
  EXPECT_EQ(estimate->n, 3);
}

}  // namespace
}  // namespace whet::stats
