// Strategies of several stages: what each asks for, and what may win.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <set>

#include "strategy/strategies_for_test.h"

namespace whet::strategy {
namespace {

std::string asked(const ScriptedGenerator& generator, size_t call) {
  return messages_of(generator.requests()[call]).back().content;
}

TEST(Moa, WritesFromTheDraftsAndTheirCritique) {
  ScriptedGenerator generator(
      Script{{"Answer: 1"}, {""}, {"Answer: 2"}, {"both are off"}, {"Answer: 3"}});
  const Outcome outcome = solve("moa", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 3");
  EXPECT_EQ(outcome.n_calls, 3);
  const std::string critique = asked(generator, 1);
  EXPECT_NE(critique.find("Candidate 2:\nAnswer: 2"), std::string::npos) << "the empty one is out";
  EXPECT_EQ(critique.find("Candidate 3"), std::string::npos) << "and no copy stands for it";
  EXPECT_NE(asked(generator, 2).find("both are off"), std::string::npos);
  EXPECT_EQ(generator.requests()[0].samples[0].temperature, 1);
  EXPECT_EQ(generator.requests()[2].samples[0].temperature, 0.1);
  EXPECT_FALSE(outcome.candidates[3].eligible) << "a critique is no answer";
}

TEST(Moa, ASynthesisWithoutAnAnswerLosesToTheDrafts) {
  ScriptedGenerator generator(
      Script{{"Answer: 1"}, {"Answer: 1"}, {"Answer: 2"}, {"fine"}, {"All candidates are good."}});
  const Outcome outcome = solve("moa", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 1");
  EXPECT_EQ(outcome.how, "2 of 3 votes");
}

TEST(Rsa, EachLoopIsWrittenFromTheLastPopulation) {
  ScriptedGenerator generator([](const GenerateRequest&, size_t call, size_t index) {
    return ScriptedCompletion{"Answer: " + std::to_string(10 * call + index)};
  });
  const Outcome outcome = solve("rsa:n=3,k=2,loops=2", numeric(), generator);
  EXPECT_EQ(outcome.n_calls, 1 + 3 + 3);
  for (size_t call = 1; call <= 3; ++call) {
    EXPECT_NE(asked(generator, call).find("Candidate 2:"), std::string::npos);
    EXPECT_EQ(asked(generator, call).find("Candidate 3:"), std::string::npos);
  }
  for (size_t call = 4; call <= 6; ++call) {
    for (const char* old : {"Answer: 0\n", "Answer: 1\n", "Answer: 2\n"}) {
      EXPECT_EQ(asked(generator, call).find(old), std::string::npos);
    }
  }
  EXPECT_EQ(outcome.chosen()->stage, "loop 2");
}

TEST(Rsa, KeepsTheLastPopulationThatHasAnswers) {
  ScriptedGenerator generator([](const GenerateRequest&, size_t call, size_t) {
    return ScriptedCompletion{call == 0 ? "Answer: 4" : "let me combine these"};
  });
  EXPECT_EQ(solve("rsa:n=2,loops=1", numeric(), generator).text, "Answer: 4");
}

TEST(Rsa, LongTextsAreCutToFitTheContext) {
  ScriptedGenerator generator([](const GenerateRequest&, size_t, size_t) {
    return ScriptedCompletion{std::string(100000, 'x') + "\nAnswer: 4"};
  });
  solve("rsa", numeric(), generator);
  EXPECT_LT(asked(generator, 1).size(), 6000u);
  EXPECT_NE(asked(generator, 1).find("Answer: 4"), std::string::npos) << "the end is kept";
}

TEST(Pvg, ASneakyAnswerNeverWins) {
  // Helpful 1, 2; sneaky 3, 4; ratings 6, 7 and 9, 9.
  ScriptedGenerator generator(Script{
      {"Answer: 1"}, {"Answer: 2"}, {"Answer: 3"}, {"Answer: 4"}, {"6/10"}, {"7"}, {"9"}, {"9"}});
  const Outcome outcome = solve("pvg:n=2,rounds=1", numeric(), generator);
  EXPECT_TRUE(outcome.text == "Answer: 1" || outcome.text == "Answer: 2");
  EXPECT_NE(outcome.how.find("rated no helpful answer above"), std::string::npos) << outcome.how;
  EXPECT_EQ(outcome.candidates[2].reason, "a step, not an answer");
  ScriptedGenerator silent(Script{{""}, {""}, {"Answer: 3"}, {"Answer: 4"}, {"9"}, {"9"}});
  EXPECT_EQ(solve("pvg:n=2,rounds=1", numeric(), silent).text, "") << "not even in need";
}

TEST(Pvg, RatesBlindlyAndNeverRewritesTheQuestion) {
  ScriptedGenerator generator(Script{{"Answer: 1"},
                                     {"Answer: 3"},
                                     {"8/10"},
                                     {"2/10"},
                                     {"Answer: 5"},
                                     {"Answer: 6"},
                                     {"9/10"},
                                     {"1/10"}});
  const Outcome outcome = solve("pvg:n=1,rounds=2", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 5");
  EXPECT_NEAR(*outcome.candidates[0].score, 0.6, 1e-9);
  EXPECT_EQ(asked(generator, 2).find("test of a checker"), std::string::npos);
  EXPECT_TRUE(asked(generator, 4).starts_with("How many?"));
  EXPECT_NE(asked(generator, 4).find("Answer: 1"), std::string::npos);
}

TEST(Leap, LearnsFromMistakesOnly) {
  eval::Question question = numeric().with_text("Q: 1+1?\nA: 2\nQ: 2+2?\nA: 4\n\nQ: 3+3?");
  ScriptedGenerator generator(
      Script{{"It is 2"}, {"It is 5"}, {"Add again."}, {"1. Add twice."}, {"Answer: 6"}});
  const Outcome outcome = solve("leap", question, generator);
  EXPECT_EQ(outcome.text, "Answer: 6");
  EXPECT_EQ(outcome.n_calls, 5);
  EXPECT_EQ(asked(generator, 0), "1+1?\n\nThink step by step.");
  EXPECT_NE(asked(generator, 4).find("- Add twice."), std::string::npos);
  EXPECT_TRUE(asked(generator, 4).ends_with(question.text()));
}

TEST(Leap, IsOnePlainAnswerWithoutExamples) {
  ScriptedGenerator generator(Script{{"Answer: 4"}});
  const Outcome outcome = solve("leap", numeric(), generator);
  EXPECT_EQ(outcome.n_calls, 1);
  EXPECT_EQ(outcome.how, "no examples in the question: the only candidate");
}

TEST(PlanSearch, PlansFromSubsetsOfTheObservations) {
  ScriptedGenerator generator([](const GenerateRequest&, size_t call, size_t) {
    if (call == 0) return ScriptedCompletion{"Some observations:\n1. red\n2. green\n3. blue"};
    return ScriptedCompletion{call % 2 == 1 ? "the plan" : "Answer: 4"};
  });
  const Outcome outcome = solve("plansearch", numeric(), generator);
  EXPECT_EQ(outcome.n_calls, 1 + 4 * 2);
  const auto colours = [&](size_t call) {
    std::string found;
    for (const char* colour : {"red", "green", "blue"}) {
      if (asked(generator, call).find(colour) != std::string::npos) found += colour[0];
    }
    return found;
  };
  EXPECT_EQ(colours(1), "r");
  EXPECT_EQ(colours(3), "g");
  EXPECT_EQ(colours(5), "rg");
  EXPECT_EQ(colours(7), "rb");
  EXPECT_EQ(outcome.how, "4 of 4 votes");
}

TEST(Cepo, TheFinalAnswerStandsForItsRound) {
  // 2 rounds of 2 plans, 2 executions, a refinement and a final answer.
  ScriptedGenerator generator(Script{{"p"},
                                     {"p"},
                                     {"Answer: 1"},
                                     {"Answer: 1"},
                                     {"r"},
                                     {"Answer: 2", -.2},
                                     {"p"},
                                     {"p"},
                                     {"Answer: 1"},
                                     {"Answer: 1"},
                                     {"r"},
                                     {"none"}});
  const Outcome outcome = solve("cepo:n=2,plans=2", numeric(), generator);
  EXPECT_EQ(outcome.n_calls, 2 * 5);
  EXPECT_EQ(outcome.text, "Answer: 1") << "two drafts of the round without a final answer";
  EXPECT_EQ(outcome.how, "2 of 3 votes");
  EXPECT_EQ(generator.requests()[0].samples[0].temperature, 0.55);
  EXPECT_EQ(generator.requests()[4].samples[0].temperature, 0);
}

TEST(Mars, ImprovesUntilVerifiedAndVotesAmongTheVerified) {
  ScriptedGenerator generator(Script{{"Answer: 1"},
                                     {"Answer: 2"},
                                     {"Answer: 3"},
                                     {"step 2 is off. VERDICT: WRONG"},
                                     {"Answer: 4"},
                                     {"VERDICT: RIGHT"},
                                     {"VERDICT: WRONG"},
                                     {"Answer: 5"},
                                     {"VERDICT: WRONG"},
                                     {"no verdict at all"},
                                     {"still none"},
                                     {""}});
  const Outcome outcome = solve("mars:agents=2", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 4");
  EXPECT_NE(outcome.how.find("1 of 3 verified"), std::string::npos) << outcome.how;
  EXPECT_NE(asked(generator, 3).find("step 2 is off"), std::string::npos);
}

TEST(Mcts, ReturnsTheAnswerOfTheHighestValueFromWhereverInTheTree) {
  // Two fresh answers of P(True) .1 and .9; the better one is revised, to one of .99.
  const double low = std::log(0.1), high = std::log(0.9), top = std::log(0.99);
  const double rest = std::log(0.01);
  ScriptedGenerator generator(Script{{"Answer: 1"},
                                     {"Answer: 2"},
                                     {"", low},
                                     {"", high},
                                     {"", high},
                                     {"", low},
                                     {"Answer: 3"},
                                     {"Answer: 4"},
                                     {"", top},
                                     {"", rest}});
  const Outcome outcome = solve("mcts:simulations=3,width=2", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 3");
  EXPECT_EQ(outcome.chosen()->stage, "revision");
  EXPECT_NE(asked(generator, 5).find("Answer: 2"), std::string::npos) << "below the better one";
}

TEST(RStar, OnlyAnAnswerThatIsFoundAgainIsConsistent) {
  ScriptedGenerator generator([](const GenerateRequest& request, size_t, size_t) {
    const std::string& text = std::get<Conversation>(request.prompt).messages.back().content;
    if (text.ends_with("Finish the solution.")) {
      const bool has_hint = text.find("first line") != std::string::npos;
      static_cast<void>(has_hint);
      return ScriptedCompletion{text.find("step one") != std::string::npos
                                    ? "first line\nsecond line\nAnswer: 8"
                                    : "first line\nsecond line\nAnswer: 9"};
    }
    return ScriptedCompletion{"step one"};
  });
  const Outcome outcome = solve("rstar:rollouts=4", numeric(), generator);
  EXPECT_EQ(outcome.text, "first line\nsecond line\nAnswer: 9")
      << "a second reading of the hint alone finds 9, so only 9 is consistent";
  EXPECT_NE(outcome.how.find("paths found again"), std::string::npos) << outcome.how;
  std::set<std::string> stages;
  for (const Candidate& candidate : outcome.candidates) stages.insert(candidate.stage);
  for (const char* stage : {"step", "sub-question", "rephrasing", "finish", "second reading"}) {
    EXPECT_TRUE(stages.contains(stage)) << stage;
  }
}

TEST(Rto, AgreementKeepsTheFirstAndADifferenceIsMerged) {
  ScriptedGenerator alike(Script{{"Answer: 4"}, {"What is 2+2?"}, {"It is 4"}});
  const Outcome kept = solve("rto", numeric(), alike);
  EXPECT_EQ(kept.text, "Answer: 4");
  EXPECT_EQ(kept.n_calls, 3);
  EXPECT_EQ(asked(alike, 2), "What is 2+2?");
  ScriptedGenerator other(Script{{"Answer: 4"}, {"What is 2+3?"}, {"Answer: 5"}, {"Answer: 6"}});
  const Outcome merged = solve("rto", numeric(), other);
  EXPECT_EQ(merged.text, "Answer: 6");
  EXPECT_FALSE(merged.candidates[2].eligible) << "its question is not the user's";
  ScriptedGenerator none(Script{{"Answer: 4"}, {"What is 2+3?"}, {"Answer: 5"}, {"hm"}});
  EXPECT_EQ(solve("rto", numeric(), none).text, "Answer: 4");
}

TEST(CotReflection, TakesTheOutputEvenIfItIsNotClosed) {
  for (const char* text : {"<thinking>3?</thinking><reflection>no</reflection><output>Answer: "
                           "4</output>",
                           "<thinking>3?</thinking><output>Answer: 4"}) {
    ScriptedGenerator generator(Script{{text}});
    const Outcome outcome = solve("cot-reflection", numeric(), generator);
    EXPECT_EQ(outcome.text, "Answer: 4");
    EXPECT_EQ(outcome.how, "the marked output");
  }
  ScriptedGenerator untagged(Script{{"Answer: 4"}});
  EXPECT_EQ(solve("cot-reflection", numeric(), untagged).text, "Answer: 4");
  ScriptedGenerator useless(Script{{"Answer: 4 <output></output>"}});
  EXPECT_EQ(solve("cot-reflection", numeric(), useless).text, "Answer: 4 <output></output>");
}

TEST(AutoThink, OpensAThoughtThatEndsTooEarlyAgain) {
  ScriptedGenerator generator(
      Script{{"easy.</think>", -.1}, {" let me see</think>", -.1}, {"Answer: 4"}});
  const Outcome outcome = solve("autothink", numeric(), generator);
  EXPECT_NE(outcome.text.find("easy.\nWait, let me see\n</think>\n\nAnswer: 4"), std::string::npos)
      << outcome.text;
  EXPECT_NE(outcome.how.find("simple question, 8 tokens of thinking, taken up again 1 times"),
            std::string::npos)
      << outcome.how;
  EXPECT_EQ(outcome.candidates[0].reason, "a step, not an answer");
}

TEST(AutoThink, AsksForTheAnswerWhereTheTurnEndsWithTheThought) {
  ScriptedGenerator generator(
      Script{{"easy.</think>", -.1}, {" sure</think>", -.1}, {"", -.1}, {" 4", -.1}});
  const Outcome outcome = solve("autothink", numeric(), generator);
  EXPECT_TRUE(outcome.text.ends_with("</think>\n\nAnswer: 4")) << outcome.text;
  EXPECT_EQ(outcome.chosen()->answer, "4");
  EXPECT_FALSE(outcome.fell_back);
  EXPECT_EQ(outcome.n_calls, 4);
}

TEST(AutoThink, ClosesAThoughtThatGrowsTooLong) {
  ScriptedGenerator generator([](const GenerateRequest& request, size_t call, size_t) {
    if (call == 2) return ScriptedCompletion{"Answer: 4"};
    return ScriptedCompletion{" hm", -2.0, FinishReason::kLength, request.max_tokens};
  });
  const Outcome outcome = solve("autothink:high=64", numeric(), generator);
  EXPECT_NE(outcome.how.find("hard question, 64 tokens of thinking, closed at the budget"),
            std::string::npos)
      << outcome.how;
  EXPECT_TRUE(outcome.text.ends_with("</think>\n\nAnswer: 4"));
  EXPECT_EQ(outcome.n_calls, 3);
}

TEST(Router, KeepsASureDrawAndSpendsOnAnUnsureOne) {
  ScriptedGenerator sure(Script{{"Answer: 4", -.01}});
  EXPECT_EQ(solve("router", numeric(), sure).n_calls, 1);
  ScriptedGenerator unsure([](const GenerateRequest&, size_t call, size_t) {
    return ScriptedCompletion{call == 0 ? "Answer: 1" : "Answer: 2", -1};
  });
  const Outcome outcome = solve("router", numeric(), unsure);
  EXPECT_EQ(outcome.text, "Answer: 2");
  EXPECT_TRUE(outcome.how.starts_with("adaptive-vote:n=8: 4 of 4 votes")) << outcome.how;
  EXPECT_EQ(outcome.candidates[0].stage, "probe");
  EXPECT_EQ(outcome.n_completion_tok, 5 * 4);
  eval::Question free = numeric();
  free.kind = eval::AnswerKind::kFree;
  ScriptedGenerator talk(Script{{"Once upon a time", -3}});
  EXPECT_EQ(solve("router", free, talk).n_calls, 1) << "nothing better is known";
}

class CodeTInSandbox : public testing::Test {
 protected:
  void SetUp() override {
    if (!eval::Sandbox::of_this_machine().ok()) GTEST_SKIP() << "no sandbox here";
    if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no /usr/bin/python3";
    context.sandbox = &*eval::Sandbox::of_this_machine();
    question.messages = eval::user_turn("Write f, which adds 1.");
    question.kind = eval::AnswerKind::kPython;
    question.entry_point = "f";
  }
  Context context;
  eval::Question question;
};

TEST_F(CodeTInSandbox, TheAgreementOnMostTestsWins) {
  ScriptedGenerator generator(
      Script{{"def f(x): return 2", -.1},
             {"def f(x): return x + 1", -.9},
             {"def f(y): return 1 + y", -.8},
             {"Here are tests:\n```python\nassert f(1) == 2\nassert f(2) == 3\nassert f(2) == 3\n"
              "assert f(0) == 5\nassert g(0) == 1\nprint(f(1))\n```"}});
  const Outcome outcome = solve("codet:n=3", question, generator, context);
  EXPECT_EQ(outcome.text, "def f(y): return 1 + y");
  EXPECT_EQ(*outcome.candidates[0].score, 1) << "one program, one test";
  EXPECT_EQ(*outcome.candidates[1].score, 4) << "two programs, two tests";
  EXPECT_EQ(outcome.how,
            "highest agreement on generated tests (2 tied): highest mean logprob (3 tests)");
}

TEST_F(CodeTInSandbox, WithoutTestsTheLikeliestProgramWins) {
  ScriptedGenerator generator(
      Script{{"def f(x): return 2", -.1}, {"def f(x): return 3", -.9}, {"I cannot."}});
  const Outcome outcome = solve("codet:n=2", question, generator, context);
  EXPECT_EQ(outcome.text, "def f(x): return 2");
  EXPECT_NE(outcome.how.find("(0 tests)"), std::string::npos);
}

TEST(CodeT, SaysWhatItCannotDo) {
  ScriptedGenerator generator(Script{{"Answer: 1"}, {"Answer: 1"}});
  EXPECT_EQ(solve("codet:n=2", numeric(), generator).how,
            "2 of 2 votes (not a code question: no tests)");
}

}  // namespace
}  // namespace whet::strategy
