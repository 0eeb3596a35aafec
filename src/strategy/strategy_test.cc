#include "strategy/strategy.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "strategy/session.h"
#include "strategy/strategies_for_test.h"

namespace whet::strategy {
namespace {

TEST(Baseline, IsOneCompletionAtTheRunsSampling) {
  ScriptedGenerator generator(Script{{"Answer: 4"}});
  Context context;
  context.sampling.temperature = 0.7;
  context.sampling.top_k = 11;
  context.seed = 99;
  eval::Question question = numeric();
  question.messages.insert(question.messages.begin(), {.role = "system", .content = "Be brief."});
  const Outcome outcome = solve("baseline", question, generator, context);
  EXPECT_EQ(outcome.text, "Answer: 4");
  EXPECT_EQ(outcome.n_calls, 1);
  EXPECT_EQ(outcome.n_prompt_tok, 4);
  EXPECT_EQ(outcome.n_completion_tok, 4);
  EXPECT_TRUE(outcome.first_token_ns);
  const GenerateRequest& request = generator.requests()[0];
  ASSERT_EQ(request.samples.size(), 1u);
  EXPECT_EQ(request.samples[0].temperature, 0.7);
  EXPECT_EQ(request.samples[0].top_k, 11);
  EXPECT_EQ(request.samples[0].seed, 99u);
  EXPECT_EQ(std::get<Conversation>(request.prompt).messages[0].content, "Be brief.");
  EXPECT_EQ(std::get<Conversation>(request.prompt).messages[1].content, "How many?");
}

TEST(Baseline, ReturnsWhatItGotEvenIfItIsTruncatedOrEmpty) {
  ScriptedGenerator generator(Script{{"cut", -1, FinishReason::kLength}, {"", -1}});
  EXPECT_EQ(solve("baseline", numeric(), generator).text, "cut");
  const Outcome empty = solve("baseline", numeric(), generator);
  EXPECT_EQ(empty.text, "");
  EXPECT_EQ(empty.n_calls, 1);
  EXPECT_TRUE(empty.candidates[0].chosen);
  EXPECT_EQ(empty.candidates[0].reason, "empty");
}

TEST(Baseline, StreamsItsText) {
  ScriptedGenerator generator(Script{{"Answer: 4"}});
  Context context;
  std::string streamed;
  context.on_event = [&](const GenerateEvent& event) {
    streamed += event.text;
    return Continue::kYes;
  };
  solve("baseline", numeric(), generator, context);
  EXPECT_EQ(streamed, "Answer: 4");
}

TEST(Greedy, HasTemperatureZero) {
  ScriptedGenerator generator(Script{{"Answer: 4"}});
  solve("greedy", numeric(), generator);
  EXPECT_EQ(generator.requests()[0].samples[0].temperature, 0);
}

TEST(Re2, AsksTheQuestionTwice) {
  ScriptedGenerator generator(Script{{"Answer: 4"}});
  const Outcome outcome = solve("re2", numeric(), generator);
  EXPECT_EQ(std::get<Conversation>(generator.requests()[0].prompt).messages[0].content,
            "How many?\nRead the question again: How many?");
  EXPECT_EQ(outcome.n_prompt_tok, 8);
  Context raw;
  raw.raw_prompt = true;
  solve("re2", numeric(), generator, raw);
  EXPECT_EQ(std::get<std::string>(generator.requests()[1].prompt),
            "How many?\nRead the question again: How many?");
}

TEST(Longer, IsTheBaselinesDrawWithMoreTokens) {
  ScriptedGenerator generator(Script{{"Answer: 4"}, {"Answer: 4"}});
  Context context;
  context.seed = 7;
  context.max_tokens = 101;
  solve("longer:times=1.5", numeric(), generator, context);
  EXPECT_EQ(generator.requests()[0].max_tokens, 152);
  EXPECT_EQ(generator.requests()[0].samples[0].seed, 7u);
  context.max_tokens = -1;
  solve("longer", numeric(), generator, context);
  EXPECT_EQ(generator.requests()[1].max_tokens, -1) << "no limit has no multiple";
}

TEST(BestOfN, TakesTheHighestMeanLogprobOfOneBatch) {
  ScriptedGenerator generator(Script{{"Answer: 1", -.9, FinishReason::kStop, 10},
                                     {"Answer: 2", -.2, FinishReason::kStop, 20},
                                     {"Answer: 3", -.5, FinishReason::kStop, 30}});
  const Outcome outcome = solve("best-of-n", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 2");
  EXPECT_EQ(outcome.how, "highest mean logprob");
  EXPECT_EQ(outcome.n_calls, 1);
  EXPECT_EQ(outcome.n_prompt_tok, 2);
  EXPECT_EQ(outcome.n_completion_tok, 60);
  EXPECT_FALSE(outcome.first_token_ns) << "nobody can read before the choice";
  ASSERT_EQ(generator.requests()[0].samples.size(), 3u);
  // Every candidate ran at the same temperature but with its own seed (optillm-rs ran all at the
  // client's .3 and, without seeds, could have returned three equal texts).
  std::set<uint64_t> seeds;
  for (const auto& sample : generator.requests()[0].samples) {
    EXPECT_EQ(sample.temperature, 1.0);
    seeds.insert(sample.seed);
  }
  EXPECT_EQ(seeds.size(), 3u);
}

TEST(BestOfN, DropsEmptyTruncatedAndUnparseableCandidates) {
  ScriptedGenerator generator(Script{{"  \n", -.01},
                                     {"Answer: 2", -.02, FinishReason::kLength},
                                     {"I do not know", -.03},
                                     {"Answer: 4", -.9}});
  const Outcome outcome = solve("best-of-n:n=4", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 4");
  EXPECT_FALSE(outcome.fell_back);
  EXPECT_EQ(outcome.candidates[0].reason, "empty");
  EXPECT_EQ(outcome.candidates[1].reason, "truncated (length)");
  EXPECT_EQ(outcome.candidates[2].reason, "no answer found");
  EXPECT_EQ(outcome.candidates[3].answer, "4");
  EXPECT_TRUE(outcome.candidates[3].chosen);
}

TEST(Fallback, IsAGreedyGenerationAndCounts) {
  ScriptedGenerator generator(Script{{"", -1, FinishReason::kStop, 5},
                                     {"x", -1, FinishReason::kLength, 6},
                                     {"Answer: 9", -1, FinishReason::kStop, 7}});
  const Outcome outcome = solve("best-of-n:n=2", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 9");
  EXPECT_TRUE(outcome.fell_back);
  EXPECT_EQ(outcome.n_calls, 2);
  EXPECT_EQ(outcome.n_prompt_tok, 4);
  EXPECT_EQ(outcome.n_completion_tok, 18);
  EXPECT_EQ(generator.requests()[1].samples[0].temperature, 0);
  EXPECT_EQ(outcome.candidates[2].stage, "fallback");
  EXPECT_EQ(outcome.how, "no eligible candidate: greedy fallback");
}

TEST(Fallback, NeverChoosesAnEmptyTextWhileAnotherExists) {
  ScriptedGenerator generator(Script{{"", -.1},
                                     {"half a thou", -.5, FinishReason::kLength},
                                     {"half", -.9, FinishReason::kLength},
                                     {"", -.1}});
  const Outcome outcome = solve("majority-voting:n=3", numeric(), generator);
  EXPECT_EQ(outcome.text, "half a thou");
  EXPECT_TRUE(outcome.fell_back);
  ScriptedGenerator silent(Script{});
  const Outcome nothing = solve("majority-voting:n=3", numeric(), silent);
  EXPECT_EQ(nothing.text, "");
  EXPECT_EQ(nothing.chosen(), nullptr);
  EXPECT_EQ(nothing.how, "no candidate has any text");
}

TEST(Majority, CountsNormalisedAnswers) {
  ScriptedGenerator generator(Script{{"Answer: 7", -.1},
                                     {"Answer: 1,000", -.5},
                                     {"so #### $1000.00", -.4},
                                     {"The last step. Done.", -.01}});
  const Outcome outcome = solve("majority-voting:n=4", numeric(), generator);
  EXPECT_EQ(outcome.text, "so #### $1000.00");
  EXPECT_EQ(outcome.how, "2 of 3 votes");
}

TEST(Majority, DrawsTheSameSamplesInSmallerBatches) {
  const auto script = [](const GenerateRequest& request, size_t, size_t index) {
    return ScriptedCompletion{"Answer: " + std::to_string(request.samples[index].seed % 1000)};
  };
  ScriptedGenerator together(script), apart(script), one_by_one(script);
  const Outcome whole = solve("majority-voting:n=5,early=0", numeric(), together);
  const Outcome split = solve("majority-voting:n=5,batch=2,early=0", numeric(), apart);
  const Outcome single = solve("majority-voting:n=5,batch=1,early=0", numeric(), one_by_one);
  EXPECT_EQ(whole.n_calls, 1);
  EXPECT_EQ(split.n_calls, 3) << "2, 2 and 1";
  EXPECT_EQ(single.n_calls, 5);
  ASSERT_EQ(split.candidates.size(), 5u);
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(split.candidates[i].text, whole.candidates[i].text);
    EXPECT_EQ(single.candidates[i].text, whole.candidates[i].text);
  }
  EXPECT_EQ(single.text, whole.text);
}

TEST(Majority, HasOptillmsDefaultsAndNames) {
  for (const char* spec : {"majority", "majority_voting", "majority-voting"}) {
    ScriptedGenerator generator(Script{});
    solve(spec, numeric(), generator);
    EXPECT_EQ(generator.requests()[0].samples.size(), 8u);
    EXPECT_EQ(generator.requests()[0].samples[0].temperature, 0.6);
  }
  EXPECT_EQ(make_strategy("bon").value()->name(), "best-of-n");
}

TEST(SelfConsistency, GroupsFreeTextBySimilarity) {
  ScriptedGenerator generator(Script{{"cats sleep all day long in the sun", -.1},
                                     {"the moon is a rock that circles the earth", -.6},
                                     {"the moon is a rock that circles our earth", -.5}});
  eval::Question question;
  question.messages = eval::user_turn("Tell me");
  const Outcome outcome = solve("self-consistency:n=3", question, generator);
  EXPECT_EQ(outcome.text, "the moon is a rock that circles our earth");
  EXPECT_EQ(outcome.how, "2 of 3 votes");
}

TEST(Diverse, UsesALadderOfTemperaturesAndAVote) {
  ScriptedGenerator generator(Script{{"Answer: 1", -.1}, {"Answer: 2", -.5}, {"Answer: 2", -.6}});
  const Outcome outcome = solve("diverse:n=3", numeric(), generator);
  EXPECT_EQ(outcome.text, "Answer: 2");
  const auto& samples = generator.requests()[0].samples;
  EXPECT_DOUBLE_EQ(samples[0].temperature, 0.3);
  EXPECT_DOUBLE_EQ(samples[1].temperature, 0.75);
  EXPECT_DOUBLE_EQ(samples[2].temperature, 1.2);
  EXPECT_DOUBLE_EQ(outcome.candidates[1].temperature, 0.75);
}

TEST(Code, SelectsByLogprobAndSaysSoWithoutASandbox) {
  eval::Question question = numeric();
  question.kind = eval::AnswerKind::kPython;
  question.entry_point = "f";
  question.examples = "assert f(1) == 2\n";
  ScriptedGenerator generator(Script{{"def f(x): return x", -.5}, {"def f(x): return 2", -.1}});
  const Outcome outcome = solve("best-of-n:n=2", question, generator);
  EXPECT_EQ(outcome.text, "def f(x): return 2");
  EXPECT_EQ(outcome.how, "highest mean logprob (no examples run: code execution is off)");
}

class CodeInSandbox : public testing::Test {
 protected:
  void SetUp() override {
    if (!eval::Sandbox::of_this_machine().ok()) GTEST_SKIP() << "no sandbox here";
    if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "no /usr/bin/python3";
    context.sandbox = &*eval::Sandbox::of_this_machine();
    context.n_threads = 2;
    question.messages = eval::user_turn("Write f.");
    question.kind = eval::AnswerKind::kPython;
    question.entry_point = "f";
    question.examples = "assert f(1) == 2\nassert f(2) == 3\n";
  }
  Context context;
  eval::Question question;
};

TEST_F(CodeInSandbox, BestOfNTakesTheProgramThatPassesTheExamples) {
  ScriptedGenerator generator(Script{
      {"def f(x): return 2", -.1}, {"def f(x): return x + 1", -.9}, {"def f(x): return (", -.05}});
  const Outcome outcome = solve("best-of-n:early=0", question, generator, context);
  EXPECT_EQ(outcome.text, "def f(x): return x + 1");
  EXPECT_EQ(outcome.how, "highest share of public examples");
  EXPECT_EQ(outcome.candidates[0].score, 0.5);
  EXPECT_EQ(outcome.candidates[1].score, 1.0);
  EXPECT_EQ(outcome.candidates[2].reason, "does not run");
}

TEST_F(CodeInSandbox, RunsNothingWhereAllProgramsAreTheSame) {
  ScriptedGenerator generator(Script{
      {"def f(x): return 2", -.3}, {"def f(x): return 2", -.1}, {"# f\ndef f(x): return 2", -.9}});
  const Outcome outcome = solve("best-of-n:early=0", question, generator, context);
  EXPECT_EQ(outcome.how,
            "highest mean logprob (no examples run: all candidates are the same program)");
  EXPECT_TRUE(outcome.candidates[1].chosen);
}

TEST_F(CodeInSandbox, VotesAreForBehaviour) {
  ScriptedGenerator generator(Script{{"def f(x): return 0", -.1},
                                     {"def f(x): return x + 1", -.9},
                                     {"def f(y):\n    z = y\n    return z + 1", -.8}});
  const Outcome outcome = solve("majority-voting:n=3", question, generator, context);
  EXPECT_EQ(outcome.text, "def f(y):\n    z = y\n    return z + 1");
  EXPECT_EQ(outcome.how, "2 of 3 votes");
}

constexpr int64_t kMs = 1'000'000;

TEST(SameTime, DrawsInSequenceUntilTheTimeIsUsedAndKeepsTheSurest) {
  ScriptedGenerator generator(
      [](const GenerateRequest&, size_t call, size_t) {
        return ScriptedCompletion{"Answer: " + std::to_string(call), call == 1 ? -.1 : -.5,
                                  FinishReason::kStop, 10};
      },
      {.prefill_ns = 5 * kMs, .per_token_ns = kMs / 2});
  Context context;
  context.time_budget_ns = 45 * kMs;  // 4 draws of 10 ms and one that is cut
  context.now_ns = generator.clock();
  const Outcome outcome = solve("baseline-same-time", numeric(), generator, context);
  EXPECT_EQ(outcome.text, "Answer: 1");
  EXPECT_EQ(outcome.n_calls, 5);
  EXPECT_EQ(outcome.candidates.back().reason, "truncated (time)");
  EXPECT_FALSE(outcome.candidates.back().chosen);
  EXPECT_EQ(outcome.end_ns - outcome.start_ns, 45 * kMs);
  for (const auto& request : generator.requests()) EXPECT_EQ(request.samples.size(), 1u);
  EXPECT_NE(generator.requests()[0].samples[0].seed, generator.requests()[1].samples[0].seed);
}

TEST(SameTime, TheFirstDrawEndsEvenIfTheTimeDoesNotSuffice) {
  ScriptedGenerator generator(Script{{"Answer: 4"}}, {.prefill_ns = 5 * kMs, .per_token_ns = 0});
  Context context;
  context.time_budget_ns = kMs;
  context.now_ns = generator.clock();
  const Outcome outcome = solve("baseline-same-time", numeric(), generator, context);
  EXPECT_EQ(outcome.text, "Answer: 4");
  EXPECT_EQ(outcome.n_calls, 1);
}

TEST(SameTime, GreedyIsDrawnOnceAndThereIsNoFallback) {
  ScriptedGenerator generator(Script{{"half", -1, FinishReason::kLength}});
  Context context;
  context.sampling.temperature = 0;
  context.time_budget_ns = 20 * kMs;
  context.now_ns = generator.clock();
  const Outcome outcome = solve("baseline-same-time", numeric(), generator, context);
  EXPECT_EQ(outcome.n_calls, 1);
  EXPECT_EQ(outcome.text, "half");
}

TEST(SameTimeVote, DrawsABatchAndCutsWhatDoesNotFit) {
  const auto token_by_token = [](const std::string& text, size_t n_tok) {
    ScriptedCompletion completion{text, -.1, FinishReason::kStop, static_cast<int64_t>(n_tok)};
    completion.tokens.resize(n_tok);
    completion.tokens.back().bytes = text;
    return completion;
  };
  ScriptedGenerator generator(
      Script{token_by_token("Answer: 1", 10), token_by_token("Answer: 2", 20),
             token_by_token("Answer: 2", 30), token_by_token("Answer: 1", 90)},
      {.prefill_ns = 0, .per_token_ns = kMs});
  Context context;
  context.now_ns = generator.clock();
  context.time_budget_ns = 1;  // over at once, and the first to end still does
  context.n_in_time = 4;
  const Outcome cut = solve("vote-same-time", numeric(), generator, context);
  EXPECT_EQ(cut.text, "Answer: 1");
  EXPECT_EQ(cut.n_calls, 1);
  ASSERT_EQ(cut.candidates.size(), 4u);
  EXPECT_EQ(cut.candidates[1].reason, "ended: the time was up");
  EXPECT_FALSE(cut.cancelled);
  EXPECT_FALSE(cut.fell_back);
  const Script script = {{"Answer: 1", -.1}, {"Answer: 2", -.9}, {"Answer: 2", -.8}};
  ScriptedGenerator whole(script);
  context.now_ns = whole.clock();
  context.time_budget_ns = 1000 * kMs;
  context.n_in_time = 3;
  const Outcome outcome = solve("vote-same-time", numeric(), whole, context);
  EXPECT_EQ(outcome.text, "Answer: 2");
  EXPECT_EQ(outcome.how, "2 of 3 votes of 3 draws");
  EXPECT_EQ(whole.requests()[0].samples[0].seed, context.seed) << "the baseline's own draw";
}

TEST(SameTimeVote, GreedyIsDrawnOnceAndAlways) {
  ScriptedGenerator generator(Script{{"Answer: 1"}});
  Context context;
  context.sampling.temperature = 0;
  context.time_budget_ns = 1000 * kMs;
  context.n_in_time = 8;
  EXPECT_EQ(solve("vote-same-time", numeric(), generator, context).candidates.size(), 1u);
  const auto alone =
      make_strategy("vote-same-time").value()->solve(numeric(), generator, Context{});
  ASSERT_FALSE(alone.ok());
}

TEST(SameTime, NeedsATime) {
  ScriptedGenerator generator(Script{});
  const auto outcome =
      make_strategy("baseline-same-time").value()->solve(numeric(), generator, Context{});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code(), ErrorCode::kInvalidArgument);
}

TEST(Deadline, CutsOffAndMakesNoFallback) {
  ScriptedGenerator generator(
      [](const GenerateRequest&, size_t, size_t index) {
        return ScriptedCompletion{"a long text of " + std::to_string(index), -.1,
                                  FinishReason::kStop, 100};
      },
      {.prefill_ns = 0, .per_token_ns = kMs});
  Context context;
  context.now_ns = generator.clock();
  context.deadline_ns = context.now_ns() + 20 * kMs;
  const Outcome outcome = solve("best-of-n", numeric(), generator, context);
  EXPECT_EQ(outcome.n_calls, 1);
  EXPECT_EQ(outcome.candidates[0].finish, FinishReason::kTime);
  EXPECT_FALSE(outcome.text.empty());
  EXPECT_EQ(outcome.end_ns - outcome.start_ns, 20 * kMs);
}

TEST(Deadline, AShorterAnswerOfTheBatchCounts) {
  ScriptedGenerator generator(
      [](const GenerateRequest&, size_t, size_t index) {
        return ScriptedCompletion{"Answer: " + std::to_string(index), -.1, FinishReason::kStop,
                                  index == 1 ? 5 : 500};
      },
      {.prefill_ns = 0, .per_token_ns = kMs});
  Context context;
  context.now_ns = generator.clock();
  context.deadline_ns = context.now_ns() + 40 * kMs;
  EXPECT_EQ(solve("best-of-n", numeric(), generator, context).text, "Answer: 1");
}

TEST(Cancel, EndsAtOnceAndIsSaid) {
  CancelFlag cancel;
  ScriptedGenerator generator(
      [&](const GenerateRequest&, size_t, size_t) {
        cancel.cancel();
        return ScriptedCompletion{"text", -.1, FinishReason::kStop, 10000};
      },
      {.prefill_ns = 0, .per_token_ns = kMs});
  Context context;
  context.cancel = &cancel;
  context.now_ns = generator.clock();
  const Outcome outcome = solve("best-of-n", numeric(), generator, context);
  EXPECT_TRUE(outcome.cancelled);
  EXPECT_EQ(outcome.n_calls, 1);
  EXPECT_EQ(outcome.end_ns, outcome.start_ns);
}

TEST(Errors, OfTheGeneratorComeThrough) {
  ScriptedGenerator generator(Script{});
  generator.fail_next(Error(ErrorCode::kResourceExhausted, "prompt longer than the context"));
  const auto outcome = make_strategy("best-of-n").value()->solve(numeric(), generator, Context{});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().message(), "prompt longer than the context");
}

TEST(Errors, ALaterStageThatDoesNotFitIsLeftOutAndSaidToBe) {
  ScriptedGenerator* asked = nullptr;
  ScriptedGenerator generator([&](const GenerateRequest&, size_t call, size_t index) {
    // Behind the drafts comes the critique; it is the one that is refused.
    if (call == 0 && index == 0) {
      asked->fail_next(Error(ErrorCode::kResourceExhausted, "prompt longer than the context"));
    }
    return ScriptedCompletion{"Answer: 4"};
  });
  asked = &generator;
  const Outcome outcome = solve("moa", numeric(), generator);
  ASSERT_EQ(outcome.skipped.size(), 1u);
  EXPECT_EQ(outcome.skipped[0].stage, "critique");
  EXPECT_EQ(outcome.skipped[0].reason, "prompt longer than the context");
  EXPECT_TRUE(outcome.how.ends_with(" (left out: critique)")) << outcome.how;
  EXPECT_EQ(outcome.text, "Answer: 4");
  EXPECT_EQ(messages_of(generator.requests().back()).back().content.find("critique of them"),
            std::string::npos)
      << "none is announced";

  ScriptedGenerator whole(
      Script{{"Answer: 4"}, {"Answer: 4"}, {"Answer: 4"}, {"ok"}, {"Answer: 4"}});
  const Outcome all = solve("moa", numeric(), whole);
  EXPECT_TRUE(all.skipped.empty());
  EXPECT_EQ(all.how.find("left out"), std::string::npos) << all.how;
}

TEST(Seeds, AreReproducibleAndDiffer) {
  EXPECT_EQ(sample_seed(7, 0), 7u);
  std::set<uint64_t> seeds;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    for (size_t i = 0; i < 20; ++i) seeds.insert(sample_seed(seed, i));
  }
  EXPECT_EQ(seeds.size(), 400u);
}

TEST(Registry, NamesOptionsAndDefaults) {
  std::set<std::string> names;
  for (const StrategyInfo& info : strategies()) {
    EXPECT_TRUE(names.insert(info.slug).second) << info.slug;
    for (const std::string& alias : info.aliases) {
      EXPECT_TRUE(names.insert(alias).second) << alias;
      EXPECT_EQ(make_strategy(alias).value()->name(), info.slug);
    }
  }
  EXPECT_EQ(strategies()[0].slug, "baseline");
  const auto strategy = make_strategy("best_of_n:n=5, temperature=run");
  ASSERT_TRUE(strategy.ok()) << strategy.error().message();
  EXPECT_EQ((*strategy)->name(), "best-of-n:n=5,temperature=run");
  EXPECT_EQ((*strategy)->options(), (Options{{"n", "5"}, {"temperature", "run"}, {"early", "1"}}));
  EXPECT_EQ(make_strategy("best-of-n:n=3").value()->name(), "best-of-n");
  EXPECT_EQ(make_strategy("baseline-same-time").value()->kind(), Kind::kControl);
}

TEST(Registry, RefusesWhatItDoesNotKnow) {
  const auto error = [](std::string_view spec) { return make_strategy(spec).error().message(); };
  EXPECT_TRUE(error("z3").starts_with("no strategy \"z3\"; there are baseline, greedy, "))
      << error("z3");
  EXPECT_EQ(error("best-of-n:m=3"),
            "strategy best-of-n: unknown option m; it has n, temperature, early");
  EXPECT_EQ(error("re2:n=3"), "strategy re2: unknown option n; it has none");
  EXPECT_EQ(error("best-of-n:n=0"),
            "strategy best-of-n: n: expected an integer from 1 to 256, found \"0\"");
  EXPECT_EQ(error("best-of-n:n=3.5"),
            "strategy best-of-n: n: expected an integer from 1 to 256, found \"3.5\"");
  EXPECT_EQ(error("diverse:low=nan"),
            "strategy diverse: low: expected a number from 0 to 5, found \"nan\"");
  EXPECT_EQ(error("best-of-n:n"), "strategy \"best-of-n:n\": expected key=value, found \"n\"");
  EXPECT_EQ(error("best-of-n:n=1,n=2"), "strategy \"best-of-n:n=1,n=2\": option n is given twice");
}

}  // namespace
}  // namespace whet::strategy
