// Promises that every strategy that writes keeps, whatever the model says.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "strategy/strategies_for_test.h"

namespace whet::strategy {
namespace {

class EveryStrategy : public testing::TestWithParam<std::string> {
 protected:
  static eval::Question question_of(eval::AnswerKind kind) {
    eval::Question question = numeric();
    question.kind = kind;
    question.messages = {{.role = "system", .content = "Be brief."},
                         {.role = "user", .content = "Hello"},
                         {.role = "assistant", .content = "Hi"},
                         {.role = "user", .content = "Q: 1+1?\nA: 2\n\nHow many?"}};
    question.entry_point = "f";
    return question;
  }
  static constexpr eval::AnswerKind kKinds[] = {eval::AnswerKind::kFree, eval::AnswerKind::kNumeric,
                                                eval::AnswerKind::kChoice,
                                                eval::AnswerKind::kPython};
};

TokenInfo token(const std::string& bytes, double logprob) {
  TokenInfo info;
  info.id = 0;
  info.bytes = bytes;
  info.logprob = logprob;
  info.top = {{.id = 0, .bytes = bytes, .logprob = logprob},
              {.id = 1, .bytes = "x", .logprob = -3}};
  info.spread = Spread{.entropy = 1, .varentropy = 0.5, .mean_logprob = -9};
  return info;
}

/// A model that answers everything, one word a token.
ScriptedCompletion spoken(const std::string& text, double logprob = -0.3) {
  ScriptedCompletion completion{text, logprob};
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at + 1), text.size());
    completion.tokens.push_back(token(text.substr(at, end - at), logprob));
    at = end;
  }
  completion.n_tok = static_cast<int64_t>(completion.tokens.size());
  return completion;
}

ScriptedGenerator talkative() {
  return ScriptedGenerator([](const GenerateRequest&, size_t call, size_t index) {
    return spoken("def f(x): return " + std::to_string((call + index) % 3) + "\nAnswer: " +
                  std::string(1, static_cast<char>('A' + (call + index) % 3)) + " 7");
  });
}

TEST_P(EveryStrategy, AnswersEveryKindAndAccountsForIt) {
  for (const eval::AnswerKind kind : kKinds) {
    ScriptedGenerator generator = talkative();
    const Outcome outcome = solve(GetParam(), question_of(kind), generator);
    EXPECT_FALSE(outcome.text.empty());
    EXPECT_FALSE(outcome.how.empty());
    ASSERT_NE(outcome.chosen(), nullptr);
    EXPECT_EQ(outcome.text, outcome.chosen()->text);
    EXPECT_FALSE(outcome.chosen()->is_step);
    int64_t n_chosen = 0, n_tokens = 0;
    for (const Candidate& candidate : outcome.candidates) {
      n_chosen += candidate.chosen;
      n_tokens += candidate.n_completion_tok;
      EXPECT_TRUE(candidate.eligible || !candidate.reason.empty());
    }
    EXPECT_EQ(n_chosen, 1);
    EXPECT_EQ(n_tokens, outcome.n_completion_tok);
    EXPECT_EQ(outcome.n_calls, static_cast<int64_t>(generator.requests().size()));
    EXPECT_GT(outcome.n_prompt_tok, 0);
  }
}

TEST_P(EveryStrategy, KeepsTheConversationInEveryRequest) {
  ScriptedGenerator generator = talkative();
  solve(GetParam(), question_of(eval::AnswerKind::kNumeric), generator);
  for (const GenerateRequest& request : generator.requests()) {
    const auto& messages = messages_of(request);
    ASSERT_GE(messages.size(), 4u);
    EXPECT_EQ(messages[0].content, "Be brief.");
    EXPECT_EQ(messages[1].content, "Hello");
    EXPECT_EQ(messages[2].content, "Hi");
    EXPECT_EQ(messages[3].role, "user");
  }
}

TEST_P(EveryStrategy, TakesTheOnlyTextThereIs) {
  for (size_t nth = 0; nth < 3; ++nth) {
    size_t n_answers = 0;
    ScriptedGenerator generator([&](const GenerateRequest&, size_t, size_t) {
      return n_answers++ == nth ? spoken("no answer in here")
                                : ScriptedCompletion{"", -.1, FinishReason::kStop, 0};
    });
    const Outcome outcome = solve(GetParam(), question_of(eval::AnswerKind::kNumeric), generator);
    bool has_text = false;
    for (const Candidate& candidate : outcome.candidates) {
      has_text |= !candidate.is_step && !candidate.text.empty();
    }
    EXPECT_EQ(outcome.text.empty(), !has_text) << outcome.how;
  }
}

TEST_P(EveryStrategy, SurvivesAModelThatSaysNothingOrRubbish) {
  for (const char* text : {"", "\n\n", "8/10", "</think>", "<output>", "\xff\xfe",
                           "BEST CANDIDATE: 99", "assert f(1) == ", "VERDICT:", "Q:\nA:"}) {
    for (const eval::AnswerKind kind : kKinds) {
      ScriptedGenerator generator([&](const GenerateRequest&, size_t, size_t) {
        return ScriptedCompletion{text, -.5};
      });
      const auto outcome =
          make_strategy(GetParam()).value()->solve(question_of(kind), generator, Context{});
      if (!outcome.ok()) {  // the script gives no distributions
        EXPECT_EQ(outcome.error().code(), ErrorCode::kUnavailable) << outcome.error().message();
      }
    }
  }
}

TEST_P(EveryStrategy, AsksNothingMoreOnceItIsCancelledOrOutOfTime) {
  CancelFlag cancel;
  size_t n_calls = 0;
  ScriptedGenerator generator([&](const GenerateRequest&, size_t call, size_t) {
    n_calls = call + 1;
    if (call == 1) cancel.cancel();
    return spoken("Answer: " + std::to_string(call));
  });
  Context context;
  context.cancel = &cancel;
  solve(GetParam(), question_of(eval::AnswerKind::kNumeric), generator, context);
  EXPECT_LE(n_calls, 2u);

  ScriptedGenerator slow([](const GenerateRequest&, size_t, size_t) { return spoken("Answer: 7"); },
                         {.prefill_ns = 10, .per_token_ns = 0});
  Context timed;
  timed.now_ns = slow.clock();
  timed.deadline_ns = slow.clock()() + 15;
  const Outcome outcome = solve(GetParam(), question_of(eval::AnswerKind::kNumeric), slow, timed);
  EXPECT_LE(slow.requests().size(), 2u);
  EXPECT_LE(outcome.end_ns, timed.deadline_ns + 10) << "scoring a text cannot be cut";
}

TEST_P(EveryStrategy, GivesTheSameAnswerForTheSameSeed) {
  const auto run = [&](uint64_t seed) {
    ScriptedGenerator generator([](const GenerateRequest& request, size_t, size_t index) {
      return spoken("Answer: " + std::to_string(request.samples[index].seed % 5));
    });
    Context context;
    context.seed = seed;
    return solve(GetParam(), question_of(eval::AnswerKind::kNumeric), generator, context).text;
  };
  for (uint64_t seed = 1; seed < 4; ++seed) EXPECT_EQ(run(seed), run(seed));
}

TEST_P(EveryStrategy, UsesEachSeedOnceInOneStage) {
  ScriptedGenerator generator = talkative();
  solve(GetParam(), question_of(eval::AnswerKind::kNumeric), generator);
  std::vector<uint64_t> seeds;
  for (const GenerateRequest& request : generator.requests()) {
    for (const SamplingParams& sample : request.samples) {
      if (sample.temperature > 0 && request.max_tokens != 0) seeds.push_back(sample.seed);
    }
  }
  std::erase(seeds, SamplingParams{}.seed);  // of requests that score
  const size_t n = seeds.size();
  std::sort(seeds.begin(), seeds.end());
  seeds.erase(std::unique(seeds.begin(), seeds.end()), seeds.end());
  EXPECT_EQ(seeds.size(), n);
}

std::vector<std::string> specs() {
  std::vector<std::string> all;
  for (const StrategyInfo& info : strategies()) {
    if (info.kind != Kind::kControl && info.slug != "likelihood") all.push_back(info.slug);
  }
  all.insert(all.end(), {"moa&genselect", "re2&adaptive-vote|p-true"});
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, EveryStrategy, testing::ValuesIn(specs()), [](const auto& test) {
  std::string name = test.param;
  for (char& c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
});

}  // namespace
}  // namespace whet::strategy
