// What strategies read out of replies, and put into prompts.
#include <gtest/gtest.h>

#include "strategy/quotation.h"
#include "strategy/rating.h"
#include "strategy/run_budget.h"
#include "strategy/search_tree.h"
#include "strategy/selection.h"
#include "strategy/strategies_for_test.h"

namespace whet::strategy {
namespace {

TEST(Rating, IsReadInEveryUsualForm) {
  for (const char* text :
       {"8", "8/10", "8 / 10", "**8**/10", "Score: 8", "8 out of 10", "80/100", "Rating: 8.0",
        "I give it 8.", "The answer has 2 mistakes. Score: 8/10"}) {
    ASSERT_TRUE(read_rating(text)) << text;
    EXPECT_DOUBLE_EQ(*read_rating(text), 0.8) << text;
  }
  EXPECT_DOUBLE_EQ(*read_rating("10/10"), 1);
  EXPECT_DOUBLE_EQ(*read_rating("0"), 0);
}

TEST(Rating, IsNotGuessed) {
  for (const char* text : {"", "good", "11", "-3", "12/10", "3/0", "between 6 and 7", "1 2 3"}) {
    EXPECT_FALSE(read_rating(text)) << text;
  }
}

TEST(Pick, IsTheNumberBehindItsMark) {
  EXPECT_EQ(read_pick("Candidate 1 is wrong, 3 too. BEST CANDIDATE: 2", 4), 1u);
  EXPECT_EQ(read_pick("Best candidate: **4**", 4), 3u);
  EXPECT_EQ(read_pick("3", 4), 2u);
  for (const char* text : {"", "BEST CANDIDATE: 5", "1 or 2", "BEST CANDIDATE: none", "0", "1.5"}) {
    EXPECT_FALSE(read_pick(text, 4)) << text;
  }
}

TEST(Quotation, LeavesOutReasoningAndTheMiddle) {
  EXPECT_EQ(quoted(" <think>long</think> Answer: 4 ", 100), "Answer: 4");
  EXPECT_EQ(quoted("Plan:\n```python\nx = 1", 100), "Plan:\n```python\nx = 1\n```");
  EXPECT_EQ(quoted("```\nx\n```\nDone", 100), "```\nx\n```\nDone");
  const std::string text = std::string(300, 'a') + std::string(300, 'b');
  const std::string cut = quoted(text, 90);
  EXPECT_EQ(cut, std::string(30, 'a') + "\n[...]\n" + std::string(60, 'b'));
  std::string umlauts;
  for (int i = 0; i < 200; ++i) umlauts += "\u00e4";
  for (size_t limit = 50; limit < 60; ++limit) EXPECT_TRUE(is_whole_text(quoted(umlauts, limit)));
}

TEST(Quotation, KnowsWholeCodePoints) {
  EXPECT_TRUE(is_whole_text(""));
  EXPECT_TRUE(is_whole_text("a\u00e4\u20ac\U0001f600"));
  for (const char* broken : {"\xc3", "a\xe2\x82", "\x80", "\xf0\x9f\x98", "\xff", "\xc0\x80"}) {
    EXPECT_FALSE(is_whole_text(broken));
  }
}

TEST(Quotation, ATagNeedNotBeClosed) {
  EXPECT_EQ(tagged("<thinking>x</thinking><output> 4 </output> bye", "output"), "4");
  EXPECT_EQ(tagged("<output>4", "output"), "4");
  EXPECT_EQ(tagged("4", "output"), "");
}

TEST(Quotation, ItemsAreLinesWithoutBulletsAndHeadings) {
  EXPECT_EQ(list_items("Here are some:\n\n1. one\n2) two\n- three\n* four\n## x\n---\nfive", 9),
            (std::vector<std::string>{"one", "two", "three", "four", "five"}));
  EXPECT_EQ(list_items("a\nb\nc", 2).size(), 2u);
}

TEST(SearchTree, DescendsAllTheWayAndTriesEveryChildFirst) {
  SearchTree tree;
  const size_t a = tree.add(0), b = tree.add(0);
  EXPECT_EQ(tree.select(1), a);
  tree.back_up(a, 0.9);
  EXPECT_EQ(tree.select(1), b);
  tree.back_up(b, 0.1);
  const size_t deep = tree.add(a);
  EXPECT_EQ(tree.select(0.1), deep) << "below the better child";
  tree.back_up(deep, 0.3);
  EXPECT_EQ(tree.node(0).n_visits, 3u);
  EXPECT_DOUBLE_EQ(tree.node(a).mean(), 0.6);
  EXPECT_EQ(tree.node(deep).depth, 2u);
  EXPECT_EQ(tree.select(100), b) << "a large constant looks where little was looked";
}

TEST(ProbabilityOfLead, IsThatOfABetaDistribution) {
  EXPECT_NEAR(probability_of_lead(0, 0), 0.5, 1e-12);
  EXPECT_NEAR(probability_of_lead(4, 0), 31.0 / 32, 1e-12);
  EXPECT_NEAR(probability_of_lead(3, 1), 26.0 / 32, 1e-12);
  EXPECT_NEAR(probability_of_lead(5, 5), 0.5, 1e-12);
}

TEST(RunBudget, GivesMoreToTheUnsureAndNeverMoreThanIsPaidIn) {
  RunBudget budget;
  EXPECT_EQ(budget.allowance(-0.5, 4, 16), 4u);
  size_t sure = 0, unsure = 0;  // samples of the surest and the least sure third
  for (int i = 0; i < 300; ++i) {
    const double logprob = -0.01 * ((i * 37) % 99);
    const size_t n = budget.allowance(logprob, 4, 16);
    EXPECT_GE(n, 1u);
    EXPECT_LE(n, 16u);
    if (logprob > -0.33) sure += n;
    if (logprob <= -0.66) unsure += n;
    budget.note(logprob, n);
    EXPECT_LE(budget.n_used(), 4 * budget.n_questions());
  }
  EXPECT_GT(unsure, 2 * sure);
  EXPECT_GE(budget.n_used(), 3 * budget.n_questions());
}

TEST(RunBudget, WhatIsSavedGoesToLaterQuestions) {
  RunBudget thrifty, plain;
  for (int i = 0; i < 20; ++i) {
    thrifty.note(-0.1, 1);
    plain.note(-0.1, 4);
  }
  EXPECT_GT(thrifty.allowance(-2.0, 4, 64), plain.allowance(-2.0, 4, 64));
  EXPECT_EQ(plain.allowance(std::nullopt, 4, 64), 4u);
}

TEST(WeightedVote, TheHeaviestKeyWinsAndItsHeaviestMemberSpeaks) {
  std::vector<Candidate> candidates(4);
  const char* keys[] = {"a", "b", "b", "a"};
  for (size_t i = 0; i < 4; ++i) {
    candidates[i].key = keys[i];
    candidates[i].eligible = true;
  }
  candidates[1].score = 7;
  const Selection selection = select_by_weighted_vote(candidates, {0, 1, 2, 3}, {1, 2, 3, 1});
  EXPECT_EQ(selection.index, 2u);
  EXPECT_EQ(selection.how, "5 of 7 weighted votes");
  EXPECT_EQ(candidates[1].score, 7) << "a score of its own is kept";
  EXPECT_EQ(candidates[2].score, 3);
}

}  // namespace
}  // namespace whet::strategy
