#include "experiment/verdict.h"

#include <gtest/gtest.h>

namespace whet::experiment {
namespace {

struct Bounds {
  double low;
  double high;
};

struct Row {
  const char* why;
  std::optional<Bounds> d;
  double p;
  std::optional<Bounds> c;
  std::optional<Bounds> r;
  const char* label;
};

std::optional<stats::Estimate> estimate(const std::optional<Bounds>& bounds) {
  if (!bounds) return std::nullopt;
  return stats::Estimate{(bounds->low + bounds->high) / 2,
                         stats::Interval{bounds->low, bounds->high}, 0.95, "test", 50};
}

Verdict verdict(const Row& row) {
  Evidence evidence;
  evidence.gain = estimate(row.d);
  evidence.p_adjusted = row.p;
  evidence.gain_on_control = estimate(row.c);
  evidence.time_ratio = estimate(row.r);
  evidence.min_gain = 0.02;
  evidence.level = 0.95;
  return judge(evidence);
}

constexpr std::optional<Bounds> kNone;

TEST(Verdict, FollowsTheRule) {
  const Bounds slower{2, 3}, faster{0.5, 0.8}, unclear{0.9, 1.1};
  const char* const pays = "pays";
  const char* const not_pays = "does not pay";
  const char* const unknown = "cannot tell at this n";
  const Row rows[] = {
      // Rule 1.
      {"a clear gain", Bounds{.03, .15}, .01, kNone, slower, pays},
      {"a clear gain, also at equal time", Bounds{.03, .15}, .01, Bounds{.01, .1}, slower, pays},
      {"a gain, but not at equal time", Bounds{.03, .15}, .01, Bounds{-.02, .1}, slower, unknown},
      {"a gain, but equal time gives more", Bounds{.03, .15}, .01, Bounds{-.1, -.01}, slower,
       not_pays},
      {"equal time gives exactly as much", Bounds{.03, .15}, .01, Bounds{-.1, 0}, slower, not_pays},
      {"a gain that the correction takes away", Bounds{.03, .15}, .2, kNone, slower, unknown},
      {"p at alpha is not below it", Bounds{.03, .15}, .05, kNone, slower, unknown},
      {"an interval that touches zero", Bounds{0, .15}, .01, kNone, slower, unknown},
      // Rule 2.
      {"faster without loss", Bounds{-.01, .03}, 1, kNone, faster, pays},
      {"faster, with a loss within reason", Bounds{-.015, -.005}, 1, kNone, faster, pays},
      {"faster, but the loss may be g", Bounds{-.02, .03}, 1, kNone, faster, unknown},
      {"perhaps faster", Bounds{-.01, .03}, 1, kNone, unclear, unknown},
      // Rule 3.
      {"slower, and a gain of g is ruled out", Bounds{-.03, .015}, 1, kNone, slower, not_pays},
      {"slower, but a gain of g is possible", Bounds{-.03, .02}, 1, kNone, slower, unknown},
      {"perhaps slower, no gain", Bounds{-.03, .015}, 1, kNone, unclear, unknown},
      {"worse", Bounds{-.1, -.03}, .01, kNone, unclear, not_pays},
      {"worse, although faster", Bounds{-.1, -.03}, .01, kNone, faster, not_pays},
      // Rule 4 and missing evidence.
      {"nothing clear", Bounds{-.1, .1}, 1, kNone, slower, unknown},
      {"no graded task", kNone, 1, kNone, slower, unknown},
      {"a clear gain, time unknown", Bounds{.03, .15}, .01, kNone, kNone, pays},
      {"no gain, time unknown", Bounds{-.03, .015}, 1, kNone, kNone, unknown},
  };
  for (const Row& row : rows) {
    const Verdict given = verdict(row);
    EXPECT_EQ(verdict_label_name(given.label), row.label) << row.why << ": " << given.reason;
    EXPECT_TRUE(given.reason.ends_with('.')) << given.reason;
  }
}

TEST(Verdict, GivesTheNumbersThatDecided) {
  EXPECT_EQ(
      verdict({"", Bounds{.03, .15}, .01, Bounds{.01, .05}, Bounds{4.6, 5.0}, ""}).reason,
      "+0.090 [+0.030, +0.150] accuracy for 4.80x the time [4.60, 5.00]; against the baseline "
      "given the same time +0.030 [+0.010, +0.050]: better than the baseline, also at equal "
      "time.");
}

TEST(Verdict, AnEstimateWithoutIntervalDecidesNothing) {
  Evidence evidence;
  evidence.gain = stats::Estimate{0.5, std::nullopt, 0.95, "one task", 1};
  evidence.p_adjusted = 0.001;
  EXPECT_EQ(judge(evidence).label, VerdictLabel::kCannotTell);
}

TEST(Verdict, WithoutAPValueNothingIsSignificant) {
  Evidence evidence;
  evidence.gain = estimate(Bounds{.1, .2});
  EXPECT_EQ(judge(evidence).label, VerdictLabel::kCannotTell);
}

}  // namespace
}  // namespace whet::experiment
