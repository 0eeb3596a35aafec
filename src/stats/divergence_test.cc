// Against the definition in long double, and cases whose answer is known.
#include "stats/divergence.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"

namespace whet::stats {
namespace {

constexpr float kNotCut = -std::numeric_limits<float>::infinity();

std::vector<float> random_logits(uint64_t seed, size_t n, double spread) {
  const CounterRng rng(seed, 0);
  std::vector<float> logits(n);
  for (size_t i = 0; i < n; ++i) {
    logits[i] = static_cast<float>(spread * (rng.uniform(i) + rng.uniform(n + i) - 1));
  }
  return logits;
}

std::vector<long double> log_softmax(const std::vector<float>& logits) {
  long double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<long double>(logit));
  std::vector<long double> result;
  for (const float logit : logits) result.push_back(logit - std::log(total));
  return result;
}

TEST(Divergence, IsWhatTheDefinitionGives) {
  constexpr size_t kN = 3001, kToken = 77;
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const auto a = random_logits(seed, kN, 12), b = random_logits(seed + 100, kN, 9);
    const auto p = log_softmax(a), q = log_softmax(b);
    std::vector<float> base(p.begin(), p.end());
    long double kl = 0;
    for (size_t i = 0; i < kN; ++i) kl += std::exp(p[i]) * (p[i] - q[i]);
    const TokenDivergence found = divergence_at(base, b, kToken, kNotCut);
    EXPECT_NEAR(found.kl, static_cast<double>(kl), 2e-6) << seed;  // base is rounded to float
    EXPECT_NEAR(found.nats, static_cast<double>(-q[kToken]), 1e-12);
    EXPECT_NEAR(found.base_nats, static_cast<double>(-p[kToken]), 1e-6);
    EXPECT_NEAR(found.probability_gain,
                static_cast<double>(std::exp(q[kToken]) - std::exp(p[kToken])), 1e-6);
  }
}

TEST(Divergence, OfAModelFromItselfIsNothing) {
  const auto logits = random_logits(7, 500, 20);
  const auto p = log_softmax(logits);
  const TokenDivergence same =
      divergence_at(std::vector<float>(p.begin(), p.end()), logits, 3, kNotCut);
  EXPECT_NEAR(same.kl, 0, 1e-6);
  EXPECT_TRUE(same.same_top);
  EXPECT_NEAR(same.probability_gain, 0, 1e-6);
}

TEST(Divergence, BetweenTwoCoinsIsKnown) {
  const std::vector<float> base{std::log(0.5f), std::log(0.5f)};
  const std::vector<float> logits{std::log(0.9f), std::log(0.1f)};
  const TokenDivergence d = divergence_at(base, logits, 1, kNotCut);
  EXPECT_NEAR(d.kl, 0.5 * std::log(0.5 / 0.9) + 0.5 * std::log(0.5 / 0.1), 1e-6);
  EXPECT_NEAR(d.nats, -std::log(0.1), 1e-6);
  EXPECT_NEAR(d.probability_gain, -0.4, 1e-6);
}

TEST(Divergence, LeavesOutWhatWasCut) {
  // Two tokens of 0.5 and a tail of 1000 that was cut at -16 although the model holds it to be far
  // less likely.
  std::vector<float> base(1002, -16), logits(1002, -40);
  base[0] = base[1] = logits[0] = logits[1] = std::log(0.5f);
  EXPECT_NEAR(divergence_at(base, logits, 0, -16).kl, 0, 1e-7);
  EXPECT_GT(divergence_at(base, logits, 0, kNotCut).kl, 1e-3);
  EXPECT_NEAR(divergence_at(base, logits, 5, -16).base_nats, 16,
              1e-6);  // still said of the token that came
}

TEST(Divergence, SummaryHasMeansErrorsAndQuantiles) {
  std::vector<TokenDivergence> tokens;
  for (int i = 0; i <= 1000; ++i) {
    tokens.push_back({.kl = i / 1000.0,
                      .nats = 2,
                      .base_nats = 1.5,
                      .same_top = i % 4 != 0,
                      .probability_gain = i % 2 == 0 ? 0.1 : -0.1});
  }
  const DivergenceSummary s = summarise(tokens);
  EXPECT_EQ(s.n, 1001);
  EXPECT_NEAR(s.kl.value, 0.5, 1e-12);
  // Of 0, 0.001 .. 1: variance with divisor n - 1 is n (n + 1) / 12 steps squared.
  EXPECT_NEAR(*s.kl.error, std::sqrt(1001.0 * 1002 / 12 * 1e-6 / 1001), 1e-12);
  EXPECT_NEAR(s.kl_999, 0.999, 1e-12);
  EXPECT_EQ(s.kl_max, 1);
  EXPECT_NEAR(s.log_ratio.value, 0.5, 1e-12);
  EXPECT_NEAR(*s.log_ratio.error, 0, 1e-9);
  EXPECT_NEAR(s.same_top.value, 750.0 / 1001, 1e-12);
  EXPECT_NEAR(s.probability_change, 0.1, 1e-12);
  EXPECT_FALSE(summarise(std::span(tokens).first(1)).kl.error.has_value());
}

}  // namespace
}  // namespace whet::stats
