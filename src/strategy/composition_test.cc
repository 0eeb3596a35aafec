#include "strategy/composition.h"

#include <gtest/gtest.h>

#include "strategy/registry.h"
#include "strategy/strategies_for_test.h"

namespace whet::strategy {
namespace {

TEST(Pipeline, TheSecondAnswersWithTheDraftOfTheFirst) {
  ScriptedGenerator generator(Script{{"Answer: 1"}, {"Answer: 2", -.9}, {"Answer: 3", -.2}});
  const Outcome outcome = solve("baseline&best-of-n:n=2", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 3");
  EXPECT_EQ(outcome.n_calls, 2);
  EXPECT_EQ(outcome.n_completion_tok, 12);
  ASSERT_EQ(outcome.candidates.size(), 3u);
  EXPECT_EQ(outcome.candidates[0].stage, "baseline/sample");
  EXPECT_FALSE(outcome.candidates[0].chosen);
  EXPECT_TRUE(outcome.candidates[2].chosen);
  const auto& messages = messages_of(generator.requests()[1]);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[1].role, "assistant");
  EXPECT_EQ(messages[1].content, "Answer: 1");
  EXPECT_NE(messages[2].content.find("How many?"), std::string::npos);
}

TEST(Pipeline, ARewriteCostsNoCall) {
  ScriptedGenerator generator(Script{{"Answer: 1"}, {"Answer: 1"}});
  const Outcome outcome = solve("re2&majority-voting:n=2", numeric(), generator);
  EXPECT_EQ(outcome.n_calls, 1);
  EXPECT_EQ(messages_of(generator.requests()[0]).back().content,
            "How many?\nRead the question again: How many?");
}

TEST(Pipeline, TheDraftStandsWhereTheLastFindsNoAnswer) {
  ScriptedGenerator generator(Script{{"Answer: 1"}, {""}});
  const Outcome outcome = solve("majority-voting:n=1&baseline", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 1");
  EXPECT_FALSE(outcome.fell_back);
  EXPECT_NE(outcome.how.find("baseline found no answer"), std::string::npos) << outcome.how;
}

TEST(Alternatives, VoteAmongTheAnswers) {
  ScriptedGenerator generator(Script{{"Answer: 1", -.1}, {"Answer: 2", -.5}, {"Answer: 2", -.4}});
  const Outcome outcome = solve("baseline|greedy|re2", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 2");
  EXPECT_EQ(outcome.how, "2 of 3 votes");
  EXPECT_EQ(outcome.n_calls, 3);
  EXPECT_NE(generator.requests()[0].samples[0].seed, generator.requests()[2].samples[0].seed);
}

TEST(Composition, BindsAndNamesItsParts) {
  const auto made = make_strategy("re2 & bon:n=5 | majority");
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ((*made)->name(), "re2&best-of-n:n=5|majority-voting");
  const std::pair<std::string, std::string> option = {"re2&best-of-n:n=5.best-of-n:n=5.n", "5"};
  EXPECT_EQ((*made)->options()[0], option);
  for (const char* bad : {"re2&", "|re2", "re2&nonsense", "re2&baseline-same-time",
                          "re2&re2&re2&re2&re2&re2&re2&re2&re2"}) {
    const auto refused = make_strategy(bad);
    ASSERT_FALSE(refused.ok()) << bad;
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(Composition, APartWhosePromptOutgrewTheContextIsLeftOutAndSaidToBe) {
  ScriptedGenerator* asked = nullptr;
  ScriptedGenerator generator([&](const GenerateRequest&, size_t, size_t) {
    asked->fail_next(Error(ErrorCode::kInvalidArgument, "prompt of 900 tokens, context of 512"));
    return ScriptedCompletion{"Answer: 4"};
  });
  asked = &generator;
  const Outcome outcome = solve("greedy&re2", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 4");
  ASSERT_EQ(outcome.skipped.size(), 1u);
  EXPECT_EQ(outcome.skipped[0].stage, "re2");
  EXPECT_EQ(outcome.skipped[0].reason, "prompt of 900 tokens, context of 512");
  EXPECT_NE(outcome.how.find("(left out: re2)"), std::string::npos) << outcome.how;
}

TEST(Composition, IsNeverEmptyWhileAnyPartHasText) {
  for (const char* spec : {"baseline&greedy", "greedy|baseline", "re2&baseline|greedy"}) {
    ScriptedGenerator generator([](const GenerateRequest&, size_t call, size_t) {
      return call == 0 ? ScriptedCompletion{"no number", -.5} : ScriptedCompletion{"", -.1};
    });
    EXPECT_EQ(solve(spec, numeric(), generator).text, "no number") << spec;
  }
}

}  // namespace
}  // namespace whet::strategy
