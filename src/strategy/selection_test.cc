#include "strategy/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace whet::strategy {
namespace {

Candidate candidate(std::string key, double logprob) {
  Candidate c;
  c.text = key;
  c.key = std::move(key);
  c.mean_logprob = logprob;
  c.eligible = true;
  return c;
}

std::vector<size_t> all_of(const std::vector<Candidate>& candidates) {
  std::vector<size_t> among(candidates.size());
  std::iota(among.begin(), among.end(), 0);
  return among;
}

size_t vote(std::vector<Candidate> candidates) {
  return select_by_vote(candidates, all_of(candidates)).index;
}

TEST(Vote, TakesTheMostFrequentAnswerAndItsMostConfidentText) {
  EXPECT_EQ(vote({candidate("a", -.1), candidate("b", -.9), candidate("b", -.5)}), 2u);
  EXPECT_EQ(vote({candidate("a", -.1)}), 0u);
}

TEST(Vote, BreaksTiesByMeanLogprobThenIndex) {
  EXPECT_EQ(vote({candidate("a", -.9), candidate("b", -.1)}), 1u);
  EXPECT_EQ(vote({candidate("b", -.5), candidate("a", -.5)}), 0u);
  // The group's mean decides, not its best member.
  EXPECT_EQ(
      vote({candidate("a", -.1), candidate("a", -2), candidate("b", -.5), candidate("b", -.6)}),
      2u);
  std::vector<Candidate> none = {candidate("b", 0), candidate("a", 0)};
  for (auto& c : none) c.mean_logprob.reset();
  EXPECT_EQ(vote(none), 0u);
}

TEST(Vote, ReportsCountsAndTies) {
  std::vector<Candidate> candidates = {candidate("a", -1), candidate("a", -1), candidate("b", -1)};
  EXPECT_EQ(select_by_vote(candidates, all_of(candidates)).how, "2 of 3 votes");
  EXPECT_EQ(candidates[0].score, 2.0);
  EXPECT_EQ(candidates[2].score, 1.0);
  candidates.pop_back();
  candidates[1].key = "b";
  EXPECT_EQ(select_by_vote(candidates, all_of(candidates)).how,
            "1 of 2 votes, 2 answers tied: highest mean logprob");
}

TEST(Vote, DoesNotDependOnTheOrderOfCandidates) {
  std::vector<Candidate> candidates = {candidate("a", -.4), candidate("b", -.3),
                                       candidate("a", -.8), candidate("c", -.1),
                                       candidate("b", -.7), candidate("c", -.2)};
  std::sort(candidates.begin(), candidates.end(),
            [](const auto& a, const auto& b) { return a.mean_logprob < b.mean_logprob; });
  do {
    ASSERT_EQ(candidates[vote(candidates)].mean_logprob, -.1);
  } while (std::next_permutation(
      candidates.begin(), candidates.end(),
      [](const auto& a, const auto& b) { return a.mean_logprob < b.mean_logprob; }));
}

TEST(Score, TakesTheHighestThenLogprobThenIndex) {
  std::vector<Candidate> candidates = {candidate("a", -.1), candidate("b", -.9),
                                       candidate("c", -.5)};
  candidates[0].score = 0.5;
  candidates[1].score = 1.0;
  candidates[2].score = 1.0;
  auto selection = select_by_score(candidates, all_of(candidates), "score");
  EXPECT_EQ(selection.index, 2u);
  EXPECT_EQ(selection.how, "highest score (2 tied): highest mean logprob");
  candidates[1].score = 2.0;
  selection = select_by_score(candidates, all_of(candidates), "score");
  EXPECT_EQ(selection.index, 1u);
  EXPECT_EQ(selection.how, "highest score");
}

// optillm-rs never set its scores: argmax over equal zeros returned candidate 0 without a word.
TEST(Score, SaysSoWhenAllScoresAreEqual) {
  std::vector<Candidate> candidates = {candidate("a", -.9), candidate("b", -.1)};
  for (auto& c : candidates) c.score = 0;
  const auto selection = select_by_score(candidates, all_of(candidates), "score");
  EXPECT_EQ(selection.index, 1u);
  EXPECT_EQ(selection.how, "all have the same score: highest mean logprob");
}

TEST(Similarity, ComparesWords) {
  EXPECT_EQ(word_similarity("a b c", "a b c"), 1);
  EXPECT_EQ(word_similarity("a b c d", "a x c d"), 0.75);
  EXPECT_EQ(word_similarity("a b", "c d"), 0);
  EXPECT_EQ(word_similarity("", " "), 1);
  EXPECT_EQ(word_similarity("a", ""), 0);
}

TEST(Similarity, GroupsAroundTheMostConfidentText) {
  std::vector<Candidate> candidates = {candidate("the sky is blue today", -.9),
                                       candidate("grass", -.5),
                                       candidate("the sky is blue now", -.1)};
  group_by_similarity(candidates, all_of(candidates), 0.8);
  EXPECT_EQ(candidates[0].key, candidates[2].key);
  EXPECT_NE(candidates[1].key, candidates[2].key);
}

}  // namespace
}  // namespace whet::strategy
