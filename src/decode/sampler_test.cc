#include "decode/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace whet {
namespace {

const std::vector<float> kLogits{1.0f, 3.0f, 2.0f, 3.0f, -1.0f, 0.5f};

SamplingParams plain() {
  SamplingParams p;
  p.temperature = 1;
  p.top_k = 0;
  p.top_p = 1;
  p.min_p = 0;
  return p;
}

std::vector<double> frequencies(const SamplingParams& params,
                                std::span<const int32_t> history = {}) {
  Sampler sampler(params, static_cast<int64_t>(kLogits.size()));
  std::vector<double> counts(kLogits.size());
  constexpr int kDraws = 20000;
  for (uint64_t i = 0; i < kDraws; ++i)
    counts[static_cast<size_t>(sampler.sample(kLogits, history, i))] += 1.0 / kDraws;
  return counts;
}

std::vector<double> softmax(std::vector<double> logits) {
  double sum = 0;
  for (double& x : logits) sum += x = std::exp(x);
  for (double& x : logits) x /= sum;
  return logits;
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected) {
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 0.015) << "token " << i;
}

constexpr double kCut = -INFINITY;

TEST(Sampler, PlainSamplingFollowsSoftmax) {
  expect_near(frequencies(plain()), softmax({1, 3, 2, 3, -1, 0.5}));
}

// Every token of the set is drawn and no other: a set that is too small fails too, and one that
// another order of the chain would leave (min-p first leaves less mass for top-p to count).
TEST(Sampler, ChainKeepsExactlyTheSetOfTheReference) {
  const CounterRng noise(11, 0);
  std::vector<float> logits(40);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(4 * noise.uniform(i));
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  const auto weight = [&](int32_t id) {
    return std::exp(double{logits[static_cast<size_t>(id)]} -
                    double{logits[static_cast<size_t>(order[0])]});
  };
  for (const double top_p : {0.5, 0.9, 0.93, 1.0}) {
    for (const double min_p : {0.0, 0.2, 0.4}) {
      SamplingParams p = plain();
      p.temperature = 20;  // nearly uniform over what is kept: every kept token will be drawn
      p.top_p = top_p;
      p.min_p = min_p;
      double total = 0, mass = 0;
      for (int32_t id : order) total += weight(id);
      std::set<int32_t> kept;
      for (int32_t id : order) {
        if (mass < top_p * total && weight(id) >= min_p) kept.insert(id);
        mass += weight(id);
      }
      std::set<int32_t> drawn;
      Sampler sampler(p, static_cast<int64_t>(logits.size()));
      for (uint64_t i = 0; i < 4000; ++i) drawn.insert(sampler.sample(logits, {}, i));
      EXPECT_EQ(drawn, kept) << top_p << " " << min_p;
    }
  }
}

TEST(Sampler, TemperatureScalesLogits) {
  SamplingParams p = plain();
  p.temperature = 0.5;
  expect_near(frequencies(p), softmax({2, 6, 4, 6, -2, 1}));
}

TEST(Sampler, TopKKeepsTheLowerIdOnTies) {
  SamplingParams p = plain();
  p.top_k = 1;
  expect_near(frequencies(p), {0, 1, 0, 0, 0, 0});
  p.top_k = 3;
  expect_near(frequencies(p), softmax({kCut, 3, 2, 3, kCut, kCut}));
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesTheMass) {
  SamplingParams p = plain();
  p.top_p = 0.7;  // 0.396 + 0.396 of two tokens
  expect_near(frequencies(p), softmax({kCut, 3, kCut, 3, kCut, kCut}));
}

TEST(Sampler, MinPIsRelativeToThePeak) {
  SamplingParams p = plain();
  p.min_p = 0.3;  // e^-1 = 0.37 stays, e^-2 goes
  expect_near(frequencies(p), softmax({kCut, 3, 2, 3, kCut, kCut}));
}

TEST(Sampler, GreedyTakesTheLowerIdOnTies) {
  SamplingParams p;
  p.temperature = 0;
  EXPECT_EQ(Sampler(p, 6).sample(kLogits, {}, 0), 1);
}

TEST(Sampler, GreedyIsBiasedAndPenalisedToo) {
  SamplingParams p;
  p.temperature = 0;
  p.logit_bias = {{4, 5.0}};
  EXPECT_EQ(Sampler(p, 6).sample(kLogits, {}, 0), 4);
  p.logit_bias = {{1, -INFINITY}};
  EXPECT_EQ(Sampler(p, 6).sample(kLogits, {}, 0), 3);
  p.logit_bias.clear();
  const std::vector<int32_t> history{1, 3};
  p.presence_penalty = 1.5;
  EXPECT_EQ(Sampler(p, 6).sample(kLogits, history, 0), 2);
  p.presence_penalty = 0;
  p.repeat_penalty = 2;
  EXPECT_EQ(Sampler(p, 6).sample(kLogits, history, 0), 2);
  p.repeat_last_n = 1;  // only token 3 is in the window
  EXPECT_EQ(Sampler(p, 6).sample(kLogits, history, 0), 1);
}

TEST(CheckFinite, NamesTheTokenOfALogitThatIsNoNumber) {
  EXPECT_TRUE(check_finite(kLogits).ok());
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    std::vector<float> logits = kLogits;
    logits[3] = bad;
    const Status status = check_finite(logits);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code(), ErrorCode::kInvalidModel);
    EXPECT_NE(status.error().message().find("for token 3"), std::string::npos);
  }
}

TEST(Sampler, PenaltiesActOnTheWindowOnly) {
  SamplingParams p = plain();
  p.repeat_penalty = 2;
  p.presence_penalty = 0.5;
  p.frequency_penalty = 0.25;
  p.repeat_last_n = 3;
  std::vector<int32_t> history{3, 1, 1, 4};  // 3 has left the window
  expect_near(frequencies(p, history), softmax({1, 3.0 / 2 - 0.5 - 0.5, 2, 3, -2 - 0.75, 0.5}));
}

TEST(Sampler, LogitBiasBansAndForces) {
  SamplingParams p = plain();
  p.logit_bias = {{1, -INFINITY}, {4, 100.0}};
  expect_near(frequencies(p), {0, 0, 0, 0, 1, 0});
}

// Against the plain way: sort everything, then cut.
TEST(Sampler, ChainKeepsTheSameSetAsSortingEverything) {
  const CounterRng noise(5, 0);
  constexpr size_t kVocab = 3000;
  std::vector<float> logits(kVocab);
  for (size_t i = 0; i < kVocab; ++i) {
    logits[i] = std::round(static_cast<float>(8 * noise.uniform(i)) * 16) / 16;  // many ties
  }
  for (int top_k : {0, 1, 40, 2999}) {
    for (double top_p : {0.05, 0.5, 0.95, 1.0}) {
      for (double min_p : {0.0, 0.1}) {
        SamplingParams p;
        p.temperature = 1.5;
        p.top_k = top_k;
        p.top_p = top_p;
        p.min_p = min_p;
        std::vector<int32_t> order(kVocab);
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
          return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
        });
        if (top_k > 0) order.resize(static_cast<size_t>(top_k));
        const auto weight = [&](int32_t id) {
          return std::exp(double{logits[static_cast<size_t>(id)]} -
                          double{logits[static_cast<size_t>(order[0])]});
        };
        double total = 0, mass = 0;
        for (int32_t id : order) total += weight(id);
        std::set<int32_t> kept;
        for (int32_t id : order) {
          if (mass < top_p * total * (1 + 1e-5) && weight(id) >= min_p) kept.insert(id);
          mass += weight(id);
        }
        Sampler sampler(p, kVocab);
        for (uint64_t draw = 0; draw < 300; ++draw) {
          EXPECT_TRUE(kept.contains(sampler.sample(logits, {}, draw)))
              << top_k << " " << top_p << " " << min_p;
        }
      }
    }
  }
}

TEST(Sampler, SameSeedSameDraws) {
  SamplingParams p = plain();
  p.seed = 7;
  Sampler a(p, 6), b(p, 6);
  p.seed = 8;
  Sampler c(p, 6);
  int differ = 0;
  for (uint64_t i = 0; i < 200; ++i) {
    int32_t x = a.sample(kLogits, {}, i);
    EXPECT_EQ(x, b.sample(kLogits, {}, i));
    differ += x != c.sample(kLogits, {}, i);
  }
  EXPECT_GT(differ, 50);
}

TEST(Sampler, ValidationNamesTheParameter) {
  SamplingParams p;
  p.top_p = 0;
  ASSERT_FALSE(validate(p, 10).ok());
  EXPECT_NE(validate(p, 10).error().message().find("top-p"), std::string::npos);
  p = SamplingParams{};
  p.temperature = std::nan("");
  EXPECT_FALSE(validate(p, 10).ok());
  p = SamplingParams{};
  p.logit_bias = {{10, 1.0}};
  EXPECT_FALSE(validate(p, 10).ok());
}

TEST(Sampler, TheEndsOfEveryRangeAreValid) {
  const auto is_valid = [](auto set) {
    SamplingParams p;
    set(p);
    return validate(p, 10).ok();
  };
  for (const double t : {0.0, 100.0}) EXPECT_TRUE(is_valid([&](auto& p) { p.temperature = t; }));
  for (const double t : {-0.1, 100.1}) EXPECT_FALSE(is_valid([&](auto& p) { p.temperature = t; }));
  EXPECT_TRUE(is_valid([](auto& p) { p.top_p = 1; }));
  EXPECT_FALSE(is_valid([](auto& p) { p.top_p = 1.1; }));
  for (const double m : {0.0, 1.0}) EXPECT_TRUE(is_valid([&](auto& p) { p.min_p = m; }));
  for (const double m : {-0.1, 1.1}) EXPECT_FALSE(is_valid([&](auto& p) { p.min_p = m; }));
  for (const int n : {-1, 0, 1}) EXPECT_TRUE(is_valid([&](auto& p) { p.repeat_last_n = n; })) << n;
  EXPECT_FALSE(is_valid([](auto& p) { p.repeat_last_n = -2; }));
  EXPECT_TRUE(is_valid([](auto& p) { p.top_k = 0; }));
  EXPECT_FALSE(is_valid([](auto& p) { p.top_k = -1; }));
  for (const int32_t id : {0, 9}) EXPECT_TRUE(is_valid([&](auto& p) { p.logit_bias = {{id, 1}}; }));
  EXPECT_FALSE(is_valid([](auto& p) { p.logit_bias = {{-1, 1}}; }));
}

TEST(TokenLogprob, IsLogSoftmax) {
  TokenLogprob result = token_logprob(kLogits, 2, 2);
  EXPECT_NEAR(result.logprob, std::log(softmax({1, 3, 2, 3, -1, 0.5})[2]), 1e-6);
  ASSERT_EQ(result.top.size(), 2u);
  EXPECT_EQ(result.top[0].first, 1);
  EXPECT_EQ(result.top[1].first, 3);
}

TEST(Spread, HasTheMomentsOfTheDistribution) {
  const std::vector<double> p = softmax({1, 3, 2, 3, -1, 0.5});
  double entropy = 0, squares = 0, plain = 0;
  for (const double x : p) {
    entropy -= x * std::log(x);
    squares += x * std::log(x) * std::log(x);
    plain += std::log(x) / static_cast<double>(p.size());
  }
  const Spread spread = spread_of(kLogits);
  EXPECT_NEAR(spread.entropy, entropy, 1e-9);
  EXPECT_NEAR(spread.varentropy, squares - entropy * entropy, 1e-9);
  EXPECT_NEAR(spread.mean_logprob, plain, 1e-9);
  const Spread even = spread_of(std::vector<float>(8, 2.5f));
  EXPECT_NEAR(even.entropy, std::log(8.0), 1e-12);
  EXPECT_NEAR(even.varentropy, 0, 1e-12);
}

Mask mask_of(std::initializer_list<int32_t> ids, size_t size = kLogits.size()) {
  Mask mask(size);
  for (int32_t id : ids) mask.allow(id);
  return mask;
}

TEST(Sampler, MaskIsAppliedBeforeTruncation) {
  const Mask mask = mask_of({0, 4, 5});
  for (int top_k : {0, 1, 2, 3, 6, 100}) {
    for (double top_p : {0.1, 0.9, 1.0}) {
      for (double min_p : {0.0, 0.5, 1.0}) {
        for (double temperature : {0.0, 0.01, 1.0, 100.0}) {
          SamplingParams p = plain();
          p.top_k = top_k;
          p.top_p = top_p;
          p.min_p = min_p;
          p.temperature = temperature;
          p.repeat_penalty = 1.5;
          Sampler sampler(p, static_cast<int64_t>(kLogits.size()));
          const std::vector<int32_t> history{0, 1, 4};
          for (uint64_t i = 0; i < 200; ++i) {
            EXPECT_TRUE(mask.allows(sampler.sample(kLogits, history, i, &mask)));
          }
        }
      }
    }
  }
  Sampler sampler(plain(), static_cast<int64_t>(kLogits.size()));
  std::vector<double> counts(kLogits.size());
  for (uint64_t i = 0; i < 20000; ++i) {
    counts[static_cast<size_t>(sampler.sample(kLogits, {}, i, &mask))] += 1.0 / 20000;
  }
  expect_near(counts, softmax({1, kCut, kCut, kCut, -1, 0.5}));
}

TEST(Sampler, AMaskOfEverythingChangesNothing) {
  const Mask mask = mask_of({0, 1, 2, 3, 4, 5});
  for (double temperature : {0.0, 0.8}) {
    SamplingParams p;
    p.temperature = temperature;
    Sampler sampler(p, static_cast<int64_t>(kLogits.size()));
    for (uint64_t i = 0; i < 500; ++i) {
      EXPECT_EQ(sampler.sample(kLogits, {}, i, &mask), sampler.sample(kLogits, {}, i));
    }
  }
}

TEST(Sampler, NothingLeftIsNoToken) {
  for (double temperature : {0.0, 0.8}) {
    SamplingParams p;
    p.temperature = temperature;
    p.logit_bias = {{2, -INFINITY}};
    Sampler sampler(p, static_cast<int64_t>(kLogits.size()));
    const Mask none = mask_of({}), banned = mask_of({2}), one = mask_of({2, 4});
    EXPECT_EQ(sampler.sample(kLogits, {}, 0, &none), Sampler::kNoToken);
    EXPECT_EQ(sampler.sample(kLogits, {}, 0, &banned), Sampler::kNoToken);
    EXPECT_EQ(sampler.sample(kLogits, {}, 0, &one), 4);
  }
}

TEST(Sampler, RowsBehindTheVocabularyAreMasked) {
  std::vector<float> logits(200, 0.0f);
  logits[199] = 50;
  logits[130] = 1;
  Mask mask(150);
  for (int32_t id = 0; id < 150; ++id) mask.allow(id);
  SamplingParams p;
  p.temperature = 0;
  Sampler sampler(p, 200);
  EXPECT_EQ(sampler.sample(logits, {}, 0, &mask), 130);
}

}  // namespace
}  // namespace whet
