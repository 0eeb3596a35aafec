#include "strategy/early_end.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "strategy/strategies_for_test.h"

namespace whet::strategy {
namespace {

constexpr int64_t kMs = 1'000'000;

ScriptedCompletion answer(const std::string& number, int64_t n_tok, double mean_logprob = -0.5) {
  return {"Answer: " + number, mean_logprob, FinishReason::kStop, n_tok};
}

size_t n_ended(const Outcome& outcome) {
  return static_cast<size_t>(
      std::count_if(outcome.candidates.begin(), outcome.candidates.end(),
                    [](const Candidate& c) { return c.finish == FinishReason::kCancelled; }));
}

TEST(EarlyEnd, ABatchTakesAsLongAsTheVoteIsOpen) {
  ScriptedGenerator generator(Script{answer("7", 10), answer("7", 20), answer("8", 100)},
                              {.prefill_ns = 5 * kMs, .per_token_ns = kMs});
  Context context;
  context.now_ns = generator.clock();
  const Outcome outcome = solve("majority-voting:n=3", numeric(), generator, context);
  EXPECT_EQ(outcome.text, "Answer: 7");
  EXPECT_EQ(outcome.how, "2 of 2 votes; decided after 2 of 3");
  EXPECT_EQ(outcome.end_ns - outcome.start_ns, 25 * kMs);
  ASSERT_EQ(outcome.candidates.size(), 3u);
  EXPECT_EQ(outcome.candidates[2].finish, FinishReason::kCancelled);
  EXPECT_EQ(outcome.candidates[2].reason, "ended early: the vote was decided");
  EXPECT_EQ(outcome.candidates[2].n_completion_tok, 20);
  EXPECT_EQ(outcome.n_completion_tok, 10 + 20 + 20) << "what was spent counts";
  EXPECT_FALSE(outcome.cancelled) << "the strategy ended it, not the user";
  EXPECT_FALSE(outcome.fell_back);
}

TEST(EarlyEnd, AllThatVoteByAnswerDoSo) {
  for (const char* spec : {"majority-voting:n=3", "self-consistency:n=3", "diverse:n=3",
                           "adaptive-vote:n=3,wave=3,confidence=1"}) {
    ScriptedGenerator generator(Script{answer("7", 10), answer("7", 20), answer("8", 100)});
    const Outcome outcome = solve(spec, numeric(), generator);
    EXPECT_EQ(n_ended(outcome), 1u) << spec;
    EXPECT_EQ(outcome.text, "Answer: 7") << spec;
  }
}

TEST(EarlyEnd, ShortAnswersHaveNoAdvantage) {
  ScriptedGenerator generator(
      Script{answer("1", 2), answer("1", 3), answer("2", 50), answer("2", 60), answer("2", 70)});
  const Outcome outcome = solve("majority-voting:n=5", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 2");
  EXPECT_EQ(n_ended(outcome), 0u);
  ScriptedGenerator tied(Script{answer("1", 2, -.9), answer("2", 50, -.1)});
  EXPECT_EQ(solve("majority-voting:n=2", numeric(), tied).text, "Answer: 2")
      << "one vote is no majority of two: the surer one";
}

TEST(EarlyEnd, TheWinnerIsThatOfTheFullVote) {
  size_t n_cut = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const auto draw = [&](uint64_t index, uint64_t of) {
      return sample_seed(seed, static_cast<size_t>(index + 1)) % of;
    };
    Script script;
    const size_t n = 2 + draw(90, 8);
    for (size_t i = 0; i < n; ++i) {
      script.push_back(answer(std::to_string(draw(i, 3)), static_cast<int64_t>(1 + draw(30 + i, 9)),
                              -0.1 * static_cast<double>(1 + draw(60 + i, 9))));
      if (draw(100 + i, 6) == 0) script.back().finish = FinishReason::kLength;
    }
    ScriptedGenerator full(script), early(script);
    const std::string spec = "majority-voting:n=" + std::to_string(n);
    const Outcome of_all = solve(spec + ",early=0", numeric(), full);
    const Outcome of_some = solve(spec, numeric(), early);
    EXPECT_EQ(n_ended(of_all), 0u);
    EXPECT_EQ(of_some.text, of_all.text) << seed;
    n_cut += n_ended(of_some);
  }
  EXPECT_GT(n_cut, 50u) << "or this shows nothing";
}

TEST(EarlyEnd, IsOffWhereEveryCandidateIsWanted) {
  const Script script = {answer("7", 10), answer("7", 20), answer("8", 100)};
  Context context;
  context.every_candidate = true;
  for (const char* spec : {"majority-voting:n=3", "self-consistency:n=3", "diverse:n=3",
                           "adaptive-vote:n=3,wave=3,confidence=1"}) {
    ScriptedGenerator generator(script);
    EXPECT_EQ(n_ended(solve(spec, numeric(), generator, context)), 0u) << spec;
  }
  for (const char* spec :
       {"majority-voting:n=3,early=0", "self-consistency:n=3,early=0", "diverse:n=3,early=0"}) {
    ScriptedGenerator generator(script);
    EXPECT_EQ(n_ended(solve(spec, numeric(), generator)), 0u) << spec;
  }
  EXPECT_FALSE(make_strategy("majority-voting:early=2").ok());
}

TEST(EarlyEnd, WaitsForTextsThatAreComparedAsAWhole) {
  eval::Question question;
  question.messages = eval::user_turn("Tell me");
  const Script script = {{"the moon is a rock", -.5, FinishReason::kStop, 10},
                         {"the moon is a rock", -.5, FinishReason::kStop, 20},
                         {"the moon is one rock", -.1, FinishReason::kStop, 30}};
  for (const char* spec : {"self-consistency:n=3", "diverse:n=3", "best-of-n"}) {
    ScriptedGenerator generator(script);
    EXPECT_EQ(n_ended(solve(spec, question, generator)), 0u) << spec;
  }
  ScriptedGenerator equal_texts(script);
  EXPECT_EQ(n_ended(solve("majority-voting:n=3", question, equal_texts)), 1u);
}

TEST(EarlyEnd, DrawsNoFurtherBatchOnceItIsDecided) {
  ScriptedGenerator generator(Script(5, answer("7", 10)));
  const Outcome outcome = solve("majority-voting:n=5,batch=1", numeric(), generator);
  EXPECT_EQ(outcome.n_calls, 3);
  EXPECT_EQ(outcome.how, "3 of 3 votes; decided after 3 of 5");
}

/// Ends its samples a step later than it was asked to, by which time they are all complete.
class LateGenerator : public ScriptedGenerator {
 public:
  using ScriptedGenerator::ScriptedGenerator;
  Result<GenerateResult> generate(const GenerateRequest& request, const EventSink& on_event,
                                  const CancelFlag* cancel) override {
    auto result = ScriptedGenerator::generate(request, nullptr, cancel);
    for (size_t i = 0; i < result->completions.size(); ++i) {
      const Completion& completion = result->completions[i];
      if (on_event({i, completion.text, completion.logprobs, completion.finish}) !=
          Continue::kYes) {
        break;
      }
    }
    return result;
  }
};

TEST(EarlyEnd, WhatCameTooLateIsNotChosenHoweverNearItWas) {
  LateGenerator generator(Script{answer("7", 10, -.9), answer("7", 11, -.5), answer("7", 12, -.1)});
  const Outcome outcome = solve("majority-voting:n=3", numeric(), generator);
  EXPECT_TRUE(outcome.candidates[1].chosen) << "else the text would hang on microseconds";
  EXPECT_EQ(outcome.candidates[2].reason, "ended early: the vote was decided");
  EXPECT_EQ(outcome.n_completion_tok, 33);
}

class CodeVote : public testing::Test {
 protected:
  void SetUp() override {
    if (!eval::Sandbox::of_this_machine().ok()) GTEST_SKIP() << "no sandbox here";
    if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no /usr/bin/python3";
    context.sandbox = &*eval::Sandbox::of_this_machine();
    question.messages = eval::user_turn("Write f.");
    question.kind = eval::AnswerKind::kPython;
    question.entry_point = "f";
    question.examples = "assert f(1) == 2\nassert f(2) == 3\n";
  }
  static ScriptedCompletion program(const std::string& source, int64_t n_tok,
                                    double mean_logprob = -0.5) {
    return {source, mean_logprob, FinishReason::kStop, n_tok};
  }
  Context context;
  eval::Question question;
};

TEST_F(CodeVote, ProgramsThatBehaveAlikeDecideIt) {
  ScriptedGenerator generator(Script{program("def f(x): return x + 1", 10),
                                     program("def f(y):\n    return 1 + y", 20),
                                     program("def f(x): return 0", 90)});
  const Outcome outcome = solve("majority-voting:n=3", question, generator, context);
  EXPECT_EQ(outcome.how, "2 of 2 votes; decided after 2 of 3");
  EXPECT_EQ(outcome.candidates[2].n_completion_tok, 20);
}

TEST_F(CodeVote, ProgramsThatDoNotStartHaveNoSay) {
  ScriptedGenerator generator(Script{program("def f(x): return (", 10),
                                     program("def f(x): return (", 20),
                                     program("def f(x): return x + 1", 90)});
  const Outcome outcome = solve("majority-voting:n=3", question, generator, context);
  EXPECT_EQ(outcome.text, "def f(x): return x + 1");
  EXPECT_EQ(n_ended(outcome), 0u);
}

TEST_F(CodeVote, BestOfNEndsAtAProgramThatHoldsAllExamples) {
  const Script script = {program("def f(x): return 2", 10, -.2),
                         program("def f(x): return x + 1", 20, -.9),
                         program("def f(x): return 1 + x", 90, -.1)};
  for (const char* spec : {"best-of-n", "diverse:n=3"}) {
    ScriptedGenerator generator(script);
    const Outcome outcome = solve(spec, question, generator, context);
    EXPECT_EQ(outcome.text, "def f(x): return x + 1") << spec;
    EXPECT_EQ(outcome.how, "highest share of public examples; decided after 2 of 3") << spec;
    EXPECT_EQ(outcome.candidates[2].reason,
              "ended early: another program holds all public examples");
  }
  ScriptedGenerator to_the_end(script);
  EXPECT_EQ(solve("best-of-n:early=0", question, to_the_end, context).text,
            "def f(x): return 1 + x")
      << "holds them too, and is surer";
}

TEST_F(CodeVote, WithoutASandboxProgramsVoteByTheirText) {
  ScriptedGenerator generator(Script{program("def f(x): return x + 1", 10),
                                     program("# plus one\ndef f(x): return x + 1", 20),
                                     program("def f(x): return 0", 90)});
  EXPECT_EQ(n_ended(solve("majority-voting:n=3", question, generator)), 1u);
  ScriptedGenerator by_likeness(Script{program("def f(x): return x + 1", 10),
                                       program("def f(x): return x + 1", 20),
                                       program("def f(x): return 0", 90)});
  EXPECT_EQ(n_ended(solve("self-consistency:n=3", question, by_likeness)), 0u);
}

}  // namespace
}  // namespace whet::strategy
