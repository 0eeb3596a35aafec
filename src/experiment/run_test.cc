#include <fmt/format.h>

#include "experiment/experiment_for_test.h"
#include "results/codec.h"
#include "sys/machine.h"

namespace whet::experiment {
namespace {

using RunTest = ExperimentTest;

TEST_F(RunTest, WritesEventsAndADocumentThatAgree) {
  const auto result = run(plan());
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->complete);
  const auto document = nlohmann::json::parse(read(directory_ / "results.json"));
  EXPECT_EQ(document, results::to_json(result->document));
  EXPECT_EQ(document["schema"], "whet-results/1");
  EXPECT_EQ(document["status"]["complete"], true);
  EXPECT_EQ(document["status"]["n_planned"], 6 * 2 * 5);
  EXPECT_EQ(document["status"]["n_done"], 6 * 2 * 5);
  EXPECT_EQ(document["design"]["baseline"], "baseline");
  EXPECT_EQ(document["events"]["n"], 6 * 2 * 5 + 1);
  ASSERT_EQ(document["strategies"].size(), 5u);
  const auto& base = document["strategies"][0];
  const auto& best = document["strategies"][1];
  EXPECT_EQ(base["kind"], "baseline");
  EXPECT_EQ(base["accuracy"]["value"], 0.0);
  EXPECT_TRUE(base["verdict"].is_null());
  EXPECT_EQ(best["name"], "best-of-n:n=2");
  EXPECT_EQ(best["options"]["n"], 2);
  EXPECT_EQ(best["accuracy"]["value"], 1.0);
  EXPECT_EQ(best["difference_to_baseline"]["value"], 1.0);
  EXPECT_EQ(best["difference_to_control"]["control"], "baseline-same-time(best-of-n:n=2)");
  EXPECT_EQ(best["completion_tokens"]["total"], 6 * 2 * 10);
  EXPECT_EQ(best["first_token_s"], nullptr);
  EXPECT_EQ(best["scores"]["oracle_accuracy"]["value"], 1.0);
  EXPECT_EQ(document["strategies"][3]["kind"], "control");
  EXPECT_EQ(document["strategies"][3]["controls"][0], "best-of-n:n=2");
  EXPECT_EQ(document["machine"]["cpu"], machine_info().cpu_name);
  EXPECT_GT(document["machine"]["memory_bytes"].get<int64_t>(), 0);
  EXPECT_EQ(document["sandbox"]["available"], false);
  EXPECT_EQ(document["sandbox"]["reason"], "code execution is off");
  EXPECT_EQ(document["model"]["sha256"], nullptr);
}

TEST_F(RunTest, NoRunSharesWhatAnEngineKeepsWithAnother) {
  ScriptedGenerator generator(answer);
  ASSERT_TRUE(run_with(generator, plan(2)).ok());
  std::set<std::string> scopes;
  size_t n_single = 0;
  for (const GenerateRequest& request : generator.requests()) {
    EXPECT_FALSE(request.cache_scope.empty());
    scopes.insert(request.cache_scope);
  }
  for (const auto& event : events()) n_single += event["n_calls"].get<size_t>() > 0;
  EXPECT_EQ(scopes.size(), n_single) << "one a run, whatever calls it makes";
}

TEST_F(RunTest, EndsNoCandidateEarlyThatIsGraded) {
  const auto n_ended = [&] {
    size_t n = 0;
    for (const auto& event : events()) {
      for (const auto& candidate : event["candidates"]) n += candidate["finish"] == "cancelled";
    }
    return n;
  };
  Plan vote = plan(1);
  vote.strategies = {"baseline", "majority-voting:n=4"};
  vote.same_time_controls = false;
  const auto all_alike = [](const GenerateRequest&, size_t, size_t) {
    return ScriptedCompletion{"Answer: 0"};
  };
  ScriptedGenerator graded(all_alike);
  ASSERT_TRUE(run_with(graded, vote).ok());
  EXPECT_EQ(n_ended(), 0u);
  vote.grade_candidates = false;
  vote.overwrite = true;
  ScriptedGenerator not_graded(all_alike);
  ASSERT_TRUE(run_with(not_graded, vote).ok());
  EXPECT_EQ(n_ended(), 2u) << "the fourth of each seed";
}

TEST_F(RunTest, MeasuresTheLatencyOfTheGenerator) {
  Plan timed = plan(3);
  timed.same_time_controls = false;
  ScriptedGenerator generator(answer, {.prefill_ns = 4 * kMs, .per_token_ns = 2 * kMs});
  const auto result = run_with(generator, timed);
  ASSERT_TRUE(result.ok()) << result.error().message();
  for (const StrategyResult& summary : result->document.strategies) {
    // prefill + 5 steps, whatever the number of samples in the batch
    EXPECT_NEAR(summary.latency_s->median.value, 0.014, 1e-9) << summary.name;
  }
  const StrategyResult& base = result->document.strategies[0];
  EXPECT_NEAR(base.first_token_s->median.value, 0.006, 1e-9);
  EXPECT_NEAR(base.generation_tok_s->value, 5 / 0.014, 1e-6);
  EXPECT_NEAR(result->document.strategies[1].cost_ratio_time->value, 1, 1e-9);
  EXPECT_NEAR(result->document.strategies[1].cost_ratio_tokens->value, (2 + 10) / 7.0, 1e-9);
}

TEST_F(RunTest, GradesCodeInTheSandbox) {
  if (!eval::Sandbox::of_this_machine().ok()) GTEST_SKIP() << "no sandbox here";
  Plan code = plan(1);
  code.strategies = {"baseline"};
  code.tasks[0].question.kind = eval::AnswerKind::kPython;
  code.tasks[0].question.entry_point = "f";
  code.tasks[0].key.answer.clear();
  code.tasks[0].key.tests = "assert f(1) == 1\n";
  ScriptedGenerator generator([](const GenerateRequest&, size_t, size_t) {
    return ScriptedCompletion{"def f(x): return x", -.1, FinishReason::kStop, 5};
  });
  Environment environment;
  environment.sandbox = &*eval::Sandbox::of_this_machine();
  const auto result = run_with(generator, code, environment);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->document.strategies[0].n_correct, 2);
}

TEST_F(RunTest, ARunHasTheGradeOfItsAnswerNotOfItsLastCandidate) {
  Plan one = plan(1);  // the right answer is 0
  one.strategies = {"baseline", "best-of-n:n=3"};
  one.same_time_controls = false;
  ScriptedGenerator generator([](const GenerateRequest&, size_t, size_t index) {
    // The surest is the first, and right; the last is wrong.
    return ScriptedCompletion{index == 0 ? "Answer: 0" : "Answer: 9", index == 0 ? -.1 : -.9,
                              FinishReason::kStop, 5};
  });
  const auto result = run_with(generator, one);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->document.strategies[1].n_correct, 2);
  for (const auto& event : events()) {
    if (event["strategy"] == "baseline") continue;
    EXPECT_EQ(event["candidates"][0]["correct"], true);
    EXPECT_EQ(event["candidates"][2]["correct"], false);
    EXPECT_EQ(event["grade"]["status"], "correct");
  }
}

TEST_F(RunTest, ARunEndsWhenItsStrategyEndsNotWhenItIsRecorded) {
  Plan timed = plan(2);
  timed.same_time_controls = false;
  ScriptedGenerator generator(answer, {.prefill_ns = 0, .per_token_ns = kMs});
  // Every look at the clock takes a second: a run's time holds its own two looks, no later one.
  Environment environment;
  environment.now_ns = [&] {
    generator.advance(1000 * kMs);
    return generator.clock()();
  };
  const auto result = run_experiment(timed, generator, environment);
  ASSERT_TRUE(result.ok()) << result.error().message();
  for (const auto& event : events()) {
    EXPECT_EQ(event["end_ns"].get<int64_t>() - event["start_ns"].get<int64_t>(), 1005 * kMs);
  }
}

TEST_F(RunTest, AnEngineErrorIsAnEventAndTheRunGoesOn) {
  ScriptedGenerator generator(answer);
  Plan cold = plan(2);
  cold.warmup = 0;
  generator.fail_next(Error(ErrorCode::kResourceExhausted, "prompt longer than the context"));
  const auto result = run_with(generator, cold);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_TRUE(result->complete);
  EXPECT_EQ(events()[0]["error"], "prompt longer than the context");
  EXPECT_EQ(events()[0]["grade"]["status"], "not_graded");
  EXPECT_EQ(result->document.strategies[0].n_graded, 3);
  EXPECT_EQ(result->document.strategies[0].not_graded[0].reason, "prompt longer than the context");
}

TEST_F(RunTest, MakesInvalidTextValidUtf8) {
  ScriptedGenerator generator([](const GenerateRequest&, size_t, size_t) {
    return ScriptedCompletion{"\xff\xfe Answer: 1", -.1, FinishReason::kStop, 5};
  });
  const auto result = run_with(generator, plan(1));
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(events()[1]["answer"].get<std::string>().substr(0, 3), "\xef\xbf\xbd");
}

TEST_F(RunTest, RefusesAPlanThatIsWrong) {
  const auto error = [&](auto change) {
    Plan wrong = plan();
    change(wrong);
    const auto result = run(wrong);
    EXPECT_FALSE(std::filesystem::exists(directory_)) << "nothing may be written for a wrong plan";
    return result.ok() ? "no error" : result.error().message();
  };
  EXPECT_EQ(error([](Plan& p) { p.tasks.clear(); }), "an experiment needs a task");
  EXPECT_EQ(error([](Plan& p) { p.seeds = {1, 1}; }), "a seed is given twice");
  EXPECT_EQ(error([](Plan& p) { p.tasks[1].id = "t0"; }),
            "task id \"t0\" occurs twice in the task files");
  for (const double level : {0.5, 1.0}) {
    EXPECT_EQ(error([&](Plan& p) { p.level = level; }),
              fmt::format("level: expected a number between 0.5 and 1, found {}", level));
  }
  EXPECT_EQ(error([](Plan& p) { p.min_gain = 1; }),
            "min_gain: expected a number from 0 to 1, found 1");
  EXPECT_EQ(error([](Plan& p) { p.min_time_gain = -0.1; }),
            "min_time_gain: expected a number from 0 to 1, found -0.1");
  EXPECT_EQ(error([](Plan& p) { p.strategies = {"re2", "re2"}; }), "strategy re2 is given twice");
  EXPECT_EQ(error([](Plan& p) { p.strategies = {"baseline-same-time"}; }),
            "baseline-same-time is added by the experiment itself, one per strategy");
  EXPECT_NE(error([](Plan& p) { p.strategies = {"guess"}; }).find("no strategy \"guess\""),
            std::string::npos);
}

}  // namespace
}  // namespace whet::experiment
