// The parts of drafting that need no model: held to slow, plain versions of themselves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "draft/acceptance.h"
#include "draft/draft_lengths.h"
#include "draft/step_cost.h"
#include "draft/token_index.h"

namespace whet {
namespace {

using Tokens = std::vector<int32_t>;

int64_t agreement(std::span<const int32_t> text, size_t end_a, size_t end_b,
                  std::span<const int32_t> other) {
  int64_t n = 0;
  while (n < TokenIndex::kLongest && n < static_cast<int64_t>(std::min(end_a, end_b)) &&
         text[end_a - 1 - static_cast<size_t>(n)] == other[end_b - 1 - static_cast<size_t>(n)] &&
         text[end_a - 1 - static_cast<size_t>(n)] != TokenIndex::kBreak) {
    ++n;
  }
  return n;
}

/// Longest agreement of the end of `text` with a place of `indexed` that something follows.
int64_t longest_agreement(const Tokens& indexed, const Tokens& text) {
  int64_t longest = 0;
  for (size_t next = 1; next < indexed.size(); ++next) {
    if (indexed[next] == TokenIndex::kBreak) continue;
    longest = std::max(longest, agreement(indexed, next, text.size(), text));
  }
  return longest;
}

TEST(TokenIndex, FindsTheLongestOccurrenceWhateverTheText) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 300; ++trial) {
    const int32_t n_ids = 2 + static_cast<int32_t>(random() % 40);
    TokenIndex index;
    Tokens text;
    // Few enough that every occurrence of a stretch of four can be looked at.
    const size_t n = 1 + random() % 60;
    while (text.size() < n) {
      if (text.size() > 8 && random() % 3 == 0) {
        const size_t from = random() % (text.size() - 4), length = 1 + random() % 12;
        for (size_t i = 0; i < length; ++i) text.push_back(text[from + i % 4]);
      } else {
        text.push_back(random() % 25 == 0 ? TokenIndex::kBreak
                                          : static_cast<int32_t>(random() % n_ids));
      }
    }
    index.append(text);
    const TokenIndex::Match match = index.find(text);
    const int64_t longest = longest_agreement(text, text);
    if (longest >= 4) {
      ASSERT_EQ(match.length, longest) << "trial " << trial;
    } else {
      // Of short ones it looks at the latest few.
      ASSERT_LE(match.length, longest);
    }
    if (match.length == 0) continue;
    ASSERT_LT(match.next, text.size());
    ASSERT_EQ(agreement(text, match.next, text.size(), text), match.length);
    const auto following = index.following(match, 7);
    ASSERT_FALSE(following.empty());
    ASSERT_LE(following.size(), 7u);
    for (size_t i = 0; i < following.size(); ++i) {
      ASSERT_EQ(following[i], text[match.next + i]);
      ASSERT_NE(following[i], TokenIndex::kBreak);
    }
  }
}

TEST(TokenIndex, PrefersTheLatestOfEquallyLongOnes) {
  TokenIndex index;
  const Tokens text = {1, 2, 3, 4, 50, 1, 2, 3, 4, 60, 9, 1, 2, 3, 4};
  index.append(text);
  const auto match = index.find(text);
  EXPECT_EQ(match.length, 4);
  EXPECT_EQ(index.following(match, 2).front(), 60);
}

TEST(TokenIndex, FindsShortOccurrencesToo) {
  TokenIndex index;
  const Tokens text = {1, 2, 3, 70, 71, 2, 3};
  index.append(text);
  EXPECT_EQ(index.find(text).length, 2);
  EXPECT_EQ(index.following(index.find(text), 1).front(), 70);
  EXPECT_EQ(index.find(Tokens{9, 71}).length, 1);
  EXPECT_EQ(index.find(Tokens{1, 2, 3}).length, 3);
}

TEST(TokenIndex, LooksUpATextThatIsNotItsOwn) {
  TokenIndex index;
  index.append(Tokens{5, 6, 7, TokenIndex::kBreak, 8, 9, 10, 11});
  const Tokens text = {1, 1, 8, 9};
  const auto match = index.find(text);
  EXPECT_EQ(match.length, 2);
  const auto following = index.following(match, 9);
  EXPECT_EQ(Tokens(following.begin(), following.end()), (Tokens{10, 11}));
  EXPECT_EQ(index.find(Tokens{6, 7}).length, 0);  // a break follows
  EXPECT_EQ(index.find(Tokens{77}).length, 0);
  EXPECT_EQ(index.find(Tokens{}).length, 0);
  EXPECT_EQ(TokenIndex().find(text).length, 0);
}

TEST(TokenIndex, ForgetsTheOldest) {
  TokenIndex index;
  for (int32_t i = 0; i < 3000; ++i) index.append(i);
  index.keep_last(100);
  EXPECT_EQ(index.tokens().size(), 100u);
  EXPECT_EQ(index.find(Tokens{2000, 2001}).length, 0);
  const auto match = index.find(Tokens{7, 2950, 2951});
  EXPECT_EQ(match.length, 2);
  EXPECT_EQ(index.following(match, 1).front(), 2952);
}

TEST(Acceptance, FollowsWhatHappensAndKeepsTextsApart) {
  Acceptance all;
  Acceptance copying(&all), chatting(&all);
  const auto c = DraftClass::of_match(DraftSource::kNgram, 3);
  for (int i = 0; i < 60; ++i) {
    for (auto* text : {&copying, &chatting}) {
      text->note(c, text == &copying);
      all.note(c, text == &copying);
    }
  }
  EXPECT_GT(copying.expected(c), 0.9);
  EXPECT_LT(chatting.expected(c), 0.1);
  EXPECT_NEAR(all.expected(c), 0.5, 0.05);
  EXPECT_NEAR(Acceptance(&all).expected(c), all.expected(c), 1e-12);
  // A text that begins to copy is believed after a while.
  for (int i = 0; i < 60; ++i) chatting.note(c, true);
  EXPECT_GT(chatting.expected(c), 0.85);
}

TEST(Acceptance, ClassesOfASourceAreItsOwn) {
  Acceptance seen;
  const auto ngram = DraftClass::of_match(DraftSource::kNgram, 3);
  for (int i = 0; i < 100; ++i) seen.note(ngram, false);
  for (const auto source : {DraftSource::kSession, DraftSource::kPhrase}) {
    const auto c = DraftClass::of_match(source, 3);
    EXPECT_EQ(seen.expected(c), c.prior());
  }
  for (const int64_t length : {1, 7, 40}) {  // nor do stretches of another length pay for it
    const auto c = DraftClass::of_match(DraftSource::kNgram, length);
    EXPECT_EQ(seen.expected(c), c.prior()) << length;
  }
  for (int64_t length = 1; length < 60; ++length) {
    EXPECT_LE(DraftClass::of_match(DraftSource::kNgram, length).prior(),
              DraftClass::of_match(DraftSource::kNgram, length + 1).prior());
  }
  for (double p : {0.0, 0.05, 0.5, 0.999, 1.0}) {
    const auto c = DraftClass::of_probability(p);
    EXPECT_EQ(seen.expected(c), c.prior());
    EXPECT_TRUE(c.prior() > 0 && c.prior() < 1);
  }
}

TEST(StepCost, LearnsTheStepsOfAMachine) {
  const auto real = [](int64_t m) { return 1 + 0.03 * static_cast<double>(m - 1) + (m > 4) * 0.4; };
  StepCost cost;
  EXPECT_EQ(cost.over_one(1), 1);
  const double guessed = cost.over_one(4);
  EXPECT_GT(guessed, 1.1);  // cautious
  cost.note(4, 1e-3 * real(4));
  EXPECT_EQ(cost.over_one(4), guessed);  // over what?
  for (int i = 0; i < 9; ++i) {
    for (int64_t m : {1, 2, 4, 6, 8}) cost.note(m, 1e-3 * real(m) * (i == 3 ? 5 : 1));
  }
  for (int64_t m : {2, 4, 6, 8}) EXPECT_NEAR(cost.over_one(m), real(m), 0.03) << m;
  EXPECT_NEAR(cost.over_one(3), real(3), 0.1);  // between its neighbours
  EXPECT_GT(cost.over_one(16), cost.over_one(8));
  EXPECT_NEAR(*cost.seconds_of_one(), 1e-3, 1e-6);
  // The machine gets slower for many rows: believed after a few steps.
  for (int i = 0; i < 9; ++i) cost.note(8, 4e-3);
  EXPECT_NEAR(cost.over_one(8), 4, 0.2);
}

TEST(StepCost, CountsStepsSinceTheScaleWasSeen) {
  StepCost cost;
  cost.note(1, 1e-3);
  for (int i = 0; i < 5; ++i) cost.note(3, 1e-3);
  EXPECT_EQ(cost.n_since_one(), 5);
  cost.note(1, 1e-3);
  EXPECT_EQ(cost.n_since_one(), 0);
  cost.note(StepCost::kMostRows + 1, 1);  // not told apart, not an error
  cost.note(2, 0);                        // a clock that stood still says nothing
  EXPECT_EQ(cost.n_since_one(), 0);
}

TEST(DraftLengths, NoOtherLengthsGainMore) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(0, 1);
  for (int trial = 0; trial < 200; ++trial) {
    StepCost cost;
    std::vector<double> v = {0, 1};
    for (int64_t m = 1; m <= 12; ++m) {
      if (m > 1) v.push_back(v.back() + uniform(random) * (m % 4 == 1 ? 0.6 : 0.1));
      for (int i = 0; i < 9; ++i) cost.note(m, 1e-3 * v.back());
    }
    std::vector<std::vector<double>> chances(2);
    for (auto& chain : chances) {
      double chance = 1;
      const size_t n = random() % 5;
      for (size_t i = 0; i < n; ++i) chain.push_back(chance *= uniform(random));
    }
    const int64_t n_others = static_cast<int64_t>(random() % 2);
    const int64_t n_most = static_cast<int64_t>(random() % 9);
    const DraftLengths chosen = choose_draft_lengths(chances, n_others, n_most, cost);
    const int64_t rows = 2 + n_others;
    const auto gain = [&](size_t a, size_t b) {
      double tokens = static_cast<double>(rows);
      for (size_t i = 0; i < a; ++i) tokens += chances[0][i];
      for (size_t i = 0; i < b; ++i) tokens += chances[1][i];
      return tokens / cost.over_one(rows + static_cast<int64_t>(a + b)) /
             (static_cast<double>(rows) / cost.over_one(rows));
    };
    ASSERT_LE(chosen.n[0] + chosen.n[1], n_most);
    ASSERT_NEAR(chosen.gain,
                gain(static_cast<size_t>(chosen.n[0]), static_cast<size_t>(chosen.n[1])), 1e-9);
    for (size_t a = 0; a <= chances[0].size(); ++a) {
      for (size_t b = 0; b <= chances[1].size(); ++b) {
        if (static_cast<int64_t>(a + b) > n_most) continue;
        // What gains next to nothing is left alone.
        ASSERT_LE(gain(a, b), std::max(chosen.gain, 1.02) + 1e-9);
      }
    }
  }
}

TEST(DraftLengths, ProposesNothingWhereNothingPays) {
  StepCost dear;
  for (int i = 0; i < 9; ++i) {
    for (int64_t m = 1; m <= 8; ++m) dear.note(m, 1e-3 * static_cast<double>(m));
  }
  const std::vector<std::vector<double>> chances = {{0.95, 0.9, 0.85}};
  EXPECT_EQ(choose_draft_lengths(chances, 0, 8, dear).n[0], 0);
  EXPECT_EQ(choose_draft_lengths({}, 0, 8, dear).gain, 1);
  // Costs are not measured so well that a gain of a hundredth is one.
  for (const double gain : {1.01, 1.04}) {
    const std::vector<std::vector<double>> chance = {{gain * dear.over_one(2) - 1}};
    EXPECT_EQ(choose_draft_lengths(chance, 0, 8, dear).n[0], gain > 1.02 ? 1 : 0) << gain;
  }
}

}  // namespace
}  // namespace whet
