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
  /// A day passes between any two looks at the clock: programs are run as soon as they can be.
  static std::function<int64_t()> hasty_clock() {
    return [now_ns = int64_t{0}]() mutable { return now_ns += int64_t{86'400'000} * kMs; };
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

/// The last sample has no end of its own: it goes on until it is ended, for a minute at most.
class EndlessGenerator : public ScriptedGenerator {
 public:
  using ScriptedGenerator::ScriptedGenerator;
  Result<GenerateResult> generate(const GenerateRequest& request, const EventSink& on_event,
                                  const CancelFlag* cancel) override {
    auto result = ScriptedGenerator::generate(request, nullptr, cancel);
    const size_t last = result->completions.size() - 1;
    for (size_t i = 0; i < last; ++i) {
      const Completion& completion = result->completions[i];
      on_event({i, completion.text, {}, completion.finish});
    }
    const int64_t end_ns = monotonic_ns() + 60'000 * kMs;
    for (; !ended && monotonic_ns() < end_ns; ++n_events) {
      ended = on_event({last, "#", {}, std::nullopt}) == Continue::kEndRequest;
    }
    result->completions[last].finish = FinishReason::kCancelled;
    return result;
  }
  bool ended = false;
  int64_t n_events = 0;
};

TEST_F(CodeVote, ProgramsAreRunWhileTheirSiblingsAreWritten) {
  const Script script = {program("def f(x): return 1 + x", 10),
                         program("def f(x): return x + 1", 20), program("", 90)};
  for (const char* spec : {"best-of-n", "majority-voting:n=3"}) {
    EndlessGenerator generator(script);
    context.now_ns = hasty_clock();
    const Outcome outcome = solve(spec, question, generator, context);
    EXPECT_TRUE(generator.ended) << spec;
    EXPECT_GT(generator.n_events, 10) << spec << ": it waits for no program";
    EXPECT_EQ(outcome.candidates[2].finish, FinishReason::kCancelled) << spec;
  }
}

/// Goes on with its open samples for a while after each that ends, so that some programs are known
/// before the next one ends and some are not.
class HesitantGenerator : public ScriptedGenerator {
 public:
  HesitantGenerator(const std::vector<ScriptedCompletion>& script, uint64_t seed)
      : ScriptedGenerator(script), seed_(seed) {}
  Result<GenerateResult> generate(const GenerateRequest& request, const EventSink& on_event,
                                  const CancelFlag* cancel) override {
    auto result = ScriptedGenerator::generate(request, nullptr, cancel);
    auto& completions = result->completions;
    const auto cut_from = [&](size_t i) {
      for (; i < completions.size(); ++i) completions[i].finish = FinishReason::kCancelled;
    };
    for (size_t i = 0; i < completions.size(); ++i) {
      const int64_t pause = usual_run_ns(eval::AnswerKind::kPython) *
                            static_cast<int64_t>(sample_seed(seed_, i + 1) % 4);
      const auto wanted = on_event({i, completions[i].text, {}, completions[i].finish});
      if (wanted != Continue::kYes) return cut_from(i + 1), result;
      if (i + 1 == completions.size()) break;
      for (const int64_t end_ns = monotonic_ns() + pause; monotonic_ns() < end_ns;) {
        if (on_event({i + 1, "", {}, std::nullopt}) != Continue::kYes)
          return cut_from(i + 1), result;
      }
    }
    return result;
  }

 private:
  uint64_t seed_;
};

TEST_F(CodeVote, TheAnswerDoesNotDependOnHowFastProgramsRun) {
  const std::vector<std::string> sources = {"def f(x): return x + 1", "# a\ndef f(x): return x + 1",
                                            "def f(x): return 1 + x", "def f(x): return 0",
                                            "def f(x): return (",     "# b\ndef f(x): return 0"};
  context.n_threads = 2;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    Script script;
    for (size_t i = 0; i < 3; ++i) {
      // The first rounds are of one program and its comments.
      const size_t of = seed < 2 ? 2 : sources.size();
      script.push_back(program(sources[sample_seed(seed, i + 1) % of], static_cast<int64_t>(i + 1),
                               -0.1 * static_cast<double>(1 + sample_seed(seed, i + 9) % 9)));
    }
    for (const char* spec : {"best-of-n", "majority-voting:n=3", "majority-voting:n=3,batch=2",
                             "adaptive-vote:n=3,wave=2"}) {
      ScriptedGenerator at_once(script);
      Context frozen = context;  // its time stands still, so that no program is run in time
      frozen.now_ns = at_once.clock();
      const Outcome expected = solve(spec, question, at_once, frozen);
      HesitantGenerator hesitant(script, seed);
      context.now_ns = hasty_clock();
      EXPECT_EQ(solve(spec, question, hesitant, context).text, expected.text)
          << seed << " " << spec;
    }
  }
}

TEST_F(CodeVote, AModelFasterThanItsProgramsRunsThemInOrderUntilItIsDecided) {
  const std::string endless = "while True: pass\ndef f(x): return ";
  ScriptedGenerator generator(Script{program("def f(x): return x + 1", 1, -.9),
                                     program(endless + "1", 2), program(endless + "2", 3)});
  context.now_ns = generator.clock();
  const int64_t start_ns = monotonic_ns();
  const Outcome outcome = solve("best-of-n", question, generator, context);
  EXPECT_EQ(outcome.text, "def f(x): return x + 1");
  EXPECT_EQ(outcome.candidates[2].reason, "ended early: another program holds all public examples");
  EXPECT_LT(monotonic_ns() - start_ns, 2000 * kMs) << "the others run until their time is up";
}

TEST_F(CodeVote, OneProgramIsNotRun) {
  const Script script = {program("def f(x): return (", 1, -.9),
                         program("# f\ndef f(x): return (", 2), program("def f(x): return (", 3)};
  ScriptedGenerator generator(script), voted(script);
  context.now_ns = generator.clock();
  const Outcome outcome = solve("best-of-n", question, generator, context);
  EXPECT_EQ(
      outcome.how,
      "the only eligible candidate (no examples run: one candidate only); decided after 1 of 3");
  EXPECT_TRUE(outcome.candidates[0].chosen);
  EXPECT_EQ(outcome.candidates[1].reason, "the same program as the one that ended first");
  context.now_ns = voted.clock();
  EXPECT_EQ(solve("majority-voting:n=3", question, voted, context).how,
            "2 of 2 votes; decided after 2 of 3");
}

}  // namespace
}  // namespace whet::strategy
