// Strategies that draw samples and vote or rank.
#include <gtest/gtest.h>

#include <cmath>

#include "strategy/session.h"
#include "strategy/strategies_for_test.h"

namespace whet::strategy {
namespace {

TokenInfo even(const std::string& bytes, double confidence, double mean_logprob = -5) {
  TokenInfo info;
  info.id = 0;
  info.bytes = bytes;
  info.logprob = -0.5;
  info.top = {{.id = 0, .bytes = bytes, .logprob = -confidence}};
  info.spread = Spread{.entropy = 1, .varentropy = 1, .mean_logprob = mean_logprob};
  return info;
}

/// A text of `n` tokens of one confidence, and one mean log-probability over the vocabulary.
ScriptedCompletion of_confidence(const std::string& text, double confidence, size_t n = 4,
                                 double mean_logprob = -5) {
  ScriptedCompletion completion{text, -0.5};
  for (size_t i = 0; i + 1 < n; ++i)
    completion.tokens.push_back(even("", confidence, mean_logprob));
  completion.tokens.push_back(even(text, confidence, mean_logprob));
  completion.n_tok = static_cast<int64_t>(n);
  return completion;
}

TEST(SelfCertainty, WeighsByRankOfTheDivergenceFromEven) {
  ScriptedGenerator generator(Script{of_confidence("Answer: 1", 1, 4, -9),
                                     of_confidence("Answer: 2", 1, 4, -5),
                                     of_confidence("Answer: 2", 1, 4, -6)});
  const Outcome outcome = solve("self-certainty:n=3,power=3", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 1") << "27 against 1 + 8";
  EXPECT_DOUBLE_EQ(*outcome.candidates[0].score, 9);
  EXPECT_TRUE(generator.requests()[0].spread);
  ScriptedGenerator again(Script{of_confidence("Answer: 1", 1, 4, -9),
                                 of_confidence("Answer: 2", 1, 4, -5),
                                 of_confidence("Answer: 2", 1, 4, -6)});
  EXPECT_EQ(solve("self-certainty:n=3,power=0", numeric(), again).text, "Answer: 2");
}

TEST(SelfCertainty, SaysSoWhereTheEngineGivesNoDistributions) {
  ScriptedGenerator generator(Script{{"Answer: 1"}});
  const auto outcome =
      make_strategy("self-certainty:n=1").value()->solve(numeric(), generator, Context{});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kUnavailable);
}

TEST(DeepConf, EndsSamplesThatLoseConfidence) {
  Script script = {of_confidence("Answer: 1", 2), of_confidence("Answer: 2", 3)};
  ScriptedCompletion weak = of_confidence("Answer: 1", 3, 8);
  for (size_t i = 2; i < 5; ++i) weak.tokens[i] = even("", 0.5);
  script.push_back(weak);
  script.push_back(of_confidence("Answer: 2", 2.5, 8));
  ScriptedGenerator generator(script);
  const Outcome outcome = solve("deepconf:n=4,warmup=2,window=2,keep=1", numeric(), generator);
  EXPECT_EQ(outcome.n_calls, 2);
  EXPECT_EQ(outcome.candidates[0].stage, "warm-up");
  EXPECT_EQ(outcome.candidates[2].finish, FinishReason::kCancelled);
  EXPECT_NE(outcome.candidates[2].reason.find("confidence fell below 2.000"), std::string::npos);
  EXPECT_EQ(outcome.candidates[2].n_completion_tok, 3) << "(3 + 0.5) / 2 is below 2";
  EXPECT_FALSE(outcome.cancelled) << "the strategy ended it, not the user";
  EXPECT_EQ(outcome.text, "Answer: 2");
  EXPECT_EQ(outcome.how, "5.5 of 7.5 weighted votes");
}

TEST(DeepConf, AWindowLongerThanTheTextIsItsMean) {
  ScriptedGenerator generator(Script{of_confidence("Answer: 1", 1), of_confidence("Answer: 2", 3)});
  const Outcome outcome = solve("deepconf:n=2,warmup=2,window=2048", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 2");
  EXPECT_DOUBLE_EQ(*outcome.candidates[0].score, 1);
}

TEST(DeepConf, DrawsNoMoreWhereTheWarmUpAgrees) {
  ScriptedGenerator generator(Script{of_confidence("Answer: 1", 1), of_confidence("Answer: 1", 3)});
  EXPECT_EQ(solve("deepconf:n=8,warmup=2", numeric(), generator).n_calls, 1);
}

TEST(AdaptiveVote, StopsWhenMoreWouldHardlyChangeIt) {
  Script script(16, ScriptedCompletion{"Answer: 7"});
  ScriptedGenerator sure(script);
  const Outcome outcome = solve("adaptive-vote", numeric(), sure);
  EXPECT_EQ(outcome.candidates.size(), 4u) << "31/32 after four alike";
  EXPECT_EQ(outcome.how, "4 of 4 votes; stopped after 4 of 16");
  script[1].text = "Answer: 8";
  ScriptedGenerator unsure(script);
  EXPECT_EQ(solve("adaptive-vote", numeric(), unsure).candidates.size(), 8u) << "3:1, then 7:1";
}

TEST(AdaptiveVote, EndsTheRestOfABatchThatCannotChangeIt) {
  Script script(8, ScriptedCompletion{"Answer: 7"});
  ScriptedGenerator generator(script);
  const Outcome outcome = solve("adaptive-vote:n=8,wave=8,confidence=1", numeric(), generator);
  ASSERT_EQ(outcome.candidates.size(), 8u);
  EXPECT_EQ(outcome.candidates[4].finish, FinishReason::kStop);
  for (size_t i = 5; i < 8; ++i) {
    EXPECT_EQ(outcome.candidates[i].finish, FinishReason::kCancelled);
    EXPECT_EQ(outcome.candidates[i].reason, "ended early: the vote was decided");
  }
  EXPECT_FALSE(outcome.cancelled);
  EXPECT_EQ(outcome.text, "Answer: 7");
}

TEST(AdaptiveVote, AnEndedBatchHasTheWinnerOfTheFullOne) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Script script;
    for (size_t i = 0; i < 9; ++i) {
      script.push_back({"Answer: " + std::to_string(sample_seed(seed, i + 1) % 3), -0.5});
    }
    ScriptedGenerator full(script), early(script);
    EXPECT_EQ(solve("adaptive-vote:n=9,wave=9,confidence=1", numeric(), early).text,
              solve("majority-voting:n=9", numeric(), full).text)
        << seed;
  }
}

TEST(AdaptiveVote, SpendsARunsBudget) {
  RunBudget budget;
  for (int i = 0; i < 10; ++i) budget.note(-0.5, 1);
  Context context;
  context.run_budget = &budget;
  ScriptedGenerator unsure([](const GenerateRequest&, size_t call, size_t index) {
    return ScriptedCompletion{"Answer: " + std::to_string(call + index), -2.0};
  });
  const Outcome more = solve("adaptive-vote:budget=2", numeric(), unsure, context);
  EXPECT_GT(more.candidates.size(), 8u);
  ScriptedGenerator sure(Script{{"Answer: 1", -.01}});
  EXPECT_EQ(solve("adaptive-vote:budget=2", numeric(), sure, context).candidates.size(), 1u);
  const auto alone =
      make_strategy("adaptive-vote:budget=2").value()->solve(numeric(), sure, Context{});
  ASSERT_FALSE(alone.ok());
  EXPECT_EQ(alone.error().code(), ErrorCode::kInvalidArgument);
}

TEST(PTrue, TakesTheAnswerThatTheModelCallsCorrect) {
  // Scores: Yes and No of the first answer, Yes and No of the second.
  ScriptedGenerator generator(
      Script{{"Answer: 1", -.1}, {"Answer: 2", -.9}, {"", -3}, {"", -1}, {"", -1}, {"", -3}});
  const Outcome outcome = solve("p-true:n=2", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 2");
  EXPECT_NEAR(*outcome.candidates[0].score, 1 / (1 + std::exp(2.0)), 1e-12);
  EXPECT_EQ(outcome.n_calls, 5);
  const auto& asked = messages_of(generator.requests()[1]);
  EXPECT_EQ(asked[1].content, "Answer: 1");
  EXPECT_NE(asked[2].content.find("Yes or No"), std::string::npos);
}

TEST(GenSelect, APickCountsIfBothOrdersAgree) {
  ScriptedGenerator generator(Script{{"Answer: 1", -.1},
                                     {"Answer: 2", -.5},
                                     {"Answer: 3", -.9},
                                     {"BEST CANDIDATE: 3"},
                                     {"BEST CANDIDATE: 1"}});
  const Outcome outcome = solve("genselect:n=3", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 3");
  EXPECT_EQ(outcome.how, "picked in both orders");
  const std::string& second = messages_of(generator.requests()[2]).back().content;
  EXPECT_LT(second.find("Answer: 3"), second.find("Answer: 1"));
}

TEST(GenSelect, AModelThatPicksByPositionDecidesNothing) {
  for (const char* reply : {"BEST CANDIDATE: 1", "I like all of them", ""}) {
    ScriptedGenerator generator(Script{{"Answer: 1", -.9}, {"Answer: 2", -.1}, {reply}, {reply}});
    const Outcome outcome = solve("genselect:n=2", numeric(), generator);
    EXPECT_EQ(outcome.text, "Answer: 2") << "the vote's tie-break";
    EXPECT_NE(outcome.how.find("did not agree"), std::string::npos);
  }
}

TEST(GenSelect, ComparesNothingWhereAllAgree) {
  ScriptedGenerator generator(Script{{"Answer: 1"}, {"The answer is 1."}});
  EXPECT_EQ(solve("genselect:n=2", numeric(), generator).n_calls, 1);
}

TEST(CotDecoding, BranchesOnTheFirstTokenAndWeighsTheAnswersTokens) {
  const auto spelt = [](const std::string& bytes, double first, double second) {
    TokenInfo info;
    info.id = 0;
    info.bytes = bytes;
    info.logprob = std::log(first);
    info.top = {{.id = 0, .bytes = bytes, .logprob = std::log(first)},
                {.id = 1, .bytes = "?", .logprob = std::log(second)}};
    return info;
  };
  ScriptedCompletion probe{"A", -.5};
  probe.tokens = {spelt("A", 0.6, 0.3)};
  probe.tokens[0].top = {{.id = 0, .bytes = "A"},
                         {.id = 1, .bytes = "<|im_end|>"},
                         {.id = 2, .bytes = "The answer"},
                         {.id = 3, .bytes = "\xc3"}};
  ScriptedCompletion unsure{"nswer: 5", -.5}, sure{" is 6", -.5};
  unsure.tokens = {spelt("nswer: ", 0.9, 0.05), spelt("5", 0.5, 0.4)};
  sure.tokens = {spelt(" is ", 0.4, 0.3), spelt("6", 0.9, 0.05)};
  ScriptedGenerator generator(Script{probe, unsure, sure});
  const Outcome outcome = solve("cot-decoding:k=4", numeric(), generator);
  EXPECT_EQ(outcome.n_calls, 3) << "no branch on a control token or half a character";
  EXPECT_EQ(outcome.text, "The answer is 6");
  EXPECT_NEAR(*outcome.candidates[1].score, 0.1, 1e-9);
  EXPECT_NEAR(*outcome.candidates[2].score, 0.85, 1e-9);
  const GenerateRequest& branch = generator.requests()[2];
  EXPECT_TRUE(std::get<Conversation>(branch.prompt).continue_last);
  EXPECT_EQ(messages_of(branch).back().content, "The answer");
  EXPECT_EQ(branch.samples[0].temperature, 0);
}

TEST(EntropyDecoding, TakesBackAnUnsureTokenAndLooksAhead) {
  const auto wide = [](const std::string& bytes, double bits) {
    TokenInfo info = even(bytes, 1);
    info.spread->entropy = bits * std::log(2.0);
    info.spread->varentropy = 0;
    return info;
  };
  ScriptedCompletion first{"So Answer: 1", -.5}, last{"7", -.5};
  first.tokens = {wide("So", 0.1), wide(" Answer:", 0.2), wide(" 1", 4.0)};
  last.tokens = {wide("7", 9.0)};
  ScriptedGenerator generator(Script{first,
                                     {" is", -.9, FinishReason::kLength},
                                     {" it is ", -.2, FinishReason::kLength},
                                     {" be", -.5, FinishReason::kLength},
                                     last});
  const Outcome outcome = solve("entropy-decoding", numeric(), generator);
  EXPECT_EQ(outcome.text, "So Answer: it is 7");
  EXPECT_EQ(outcome.how, "the text, forked at 1 tokens");
  EXPECT_EQ(outcome.n_calls, 3);
  EXPECT_EQ(messages_of(generator.requests()[1]).back().content, "So Answer:");
  EXPECT_GT(generator.requests()[1].samples[0].temperature,
            generator.requests()[0].samples[0].temperature);
}

TEST(Likelihood, TakesTheChoiceOfTheHighestLogprobAsLmEvalDoes) {
  eval::Question question = numeric();
  question.kind = eval::AnswerKind::kChoice;
  question.context = "Question: hot?\nAnswer:";
  question.choices = {" fire", " ice and snow", " w\u00e4rme"};
  // The script gives each word of a choice this log-probability: -2, 3 * -1 = -3 and -2.
  const Script script = {{"", -2}, {"", -1}, {"", -2}};
  ScriptedGenerator plain(script);
  const Outcome outcome = solve("likelihood", question, plain);
  EXPECT_EQ(outcome.text, "Answer: A") << "of equal ones the first";
  EXPECT_EQ(outcome.n_calls, 3);
  EXPECT_EQ(std::get<std::string>(plain.requests()[0].prompt), question.context)
      << "no chat template";
  EXPECT_DOUBLE_EQ(*outcome.candidates[1].score, -3);
  ScriptedGenerator by_chars(script);
  const Outcome normalised = solve("likelihood:norm=chars", question, by_chars);
  EXPECT_EQ(normalised.text, "Answer: B");
  EXPECT_DOUBLE_EQ(*normalised.candidates[1].score, -3.0 / 12);
  EXPECT_DOUBLE_EQ(*normalised.candidates[2].score, -2.0 / 5);
  ScriptedGenerator by_bytes(script);
  EXPECT_DOUBLE_EQ(*solve("likelihood:norm=bytes", question, by_bytes).candidates[2].score,
                   -2.0 / 6);
}

TEST(Likelihood, GivesTheChoiceTheWhiteSpaceBeforeIt) {
  eval::Question question = numeric();
  question.kind = eval::AnswerKind::kChoice;
  question.context = "Answer:\n ";
  question.choices = {"a", "b"};
  ScriptedGenerator generator(Script{{"", -1}, {"", -2}});
  EXPECT_EQ(solve("likelihood", question, generator).text, "Answer: A");
  EXPECT_EQ(std::get<std::string>(generator.requests()[0].prompt), "Answer:");
}

TEST(Likelihood, NeedsChoices) {
  ScriptedGenerator generator(Script{});
  const auto outcome = make_strategy("likelihood").value()->solve(numeric(), generator, Context{});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(make_strategy("likelihood:norm=words").error().message(),
            "strategy likelihood: norm: expected one of none, chars, bytes, found \"words\"");
}

}  // namespace
}  // namespace whet::strategy
