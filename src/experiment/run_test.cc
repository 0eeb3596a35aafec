#include "experiment/run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "results/codec.h"
#include "strategy/scripted_generator.h"
#include "sys/machine.h"

namespace whet::experiment {
namespace {

namespace fs = std::filesystem;
using strategy::ScriptedCompletion;
using strategy::ScriptedGenerator;

constexpr int64_t kMs = 1'000'000;

class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ =
        fs::temp_directory_path() / ("whet_run_test_" + std::to_string(::getpid()) + "_" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  Plan plan(int n_tasks = 6) const {
    Plan plan;
    plan.title = "test";
    plan.command = {"whet", "eval"};
    plan.strategies = {"baseline", "best-of-n:n=2", "re2"};
    plan.seeds = {3, 4};
    plan.n_resamples = 200;
    plan.out_dir = directory_;
    plan.model.path = "m.gguf";
    plan.whet.isa = "scalar";
    for (int i = 0; i < n_tasks; ++i) {
      eval::Task task;
      task.id = "t" + std::to_string(i);
      task.family = i % 2 ? "odd" : "even";
      task.question.messages = eval::user_turn("Question " + std::to_string(i));
      task.question.kind = eval::AnswerKind::kNumeric;
      task.key.answer = std::to_string(i);
      plan.tasks.push_back(task);
    }
    return plan;
  }

  /// The right answer from the second sample of a batch on, at a higher logprob.
  static ScriptedCompletion answer(const GenerateRequest& request, size_t, size_t index) {
    const std::string& prompt = std::get<Conversation>(request.prompt).messages.back().content;
    const std::string number = prompt.substr(prompt.rfind(' ') + 1);
    return {"Answer: " + (index > 0 ? number : "-1"), index > 0 ? -.1 : -.5, FinishReason::kStop,
            5};
  }

  static Result<ExperimentResult> run(const Plan& plan, const Environment& environment = {}) {
    ScriptedGenerator generator(answer, {.prefill_ns = kMs, .per_token_ns = 0});
    return run_with(generator, plan, environment);
  }

  /// In the generator's own time.
  static Result<ExperimentResult> run_with(ScriptedGenerator& generator, const Plan& plan,
                                           Environment environment = {}) {
    environment.now_ns = generator.clock();
    return run_experiment(plan, generator, environment);
  }

  static std::string read(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::vector<nlohmann::json> events() const {
    std::vector<nlohmann::json> out;
    std::ifstream file(directory_ / "events.jsonl");
    for (std::string line; std::getline(file, line);) out.push_back(nlohmann::json::parse(line));
    out.erase(out.begin());
    return out;
  }

  /// What must be equal however often a run was interrupted: all but times and order.
  std::multiset<std::string> outcomes() const {
    std::multiset<std::string> out;
    for (const auto& event : events()) {
      if (event["warmup"]) continue;
      if (event["strategy"].get<std::string>().starts_with("baseline-same-time")) {
        out.insert(event["strategy"].get<std::string>() + event["task"].dump() +
                   event["seed"].dump());
        continue;  // how many draws fit depends on the clock
      }
      out.insert(event["strategy"].dump() + event["task"].dump() + event["seed"].dump() +
                 event["answer"].dump() + event["grade"].dump() + event["prompt_tokens"].dump() +
                 event["completion_tokens"].dump());
    }
    return out;
  }

  fs::path directory_;
};

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

TEST_F(RunTest, InterleavesTheStrategies) {
  ASSERT_TRUE(run(plan(2)).ok());
  std::vector<std::string> order;
  for (const auto& event : events()) {
    order.push_back(event["strategy"].get<std::string>().substr(0, 4) +
                    event["task"].get<std::string>());
  }
  const std::vector<std::string> expected = {
      "baset1",                                                    // warm-up
      "baset0", "bestt0", "re2t0",  "bestt0", "re2t0",  "baset0",  // task 0
      "baset0", "baset0", "baset0", "baset0",                      // its controls
      "bestt1", "re2t1",  "baset1", "re2t1",  "baset1", "bestt1"};
  ASSERT_GE(order.size(), expected.size());
  order.resize(expected.size());
  EXPECT_EQ(order, expected);
  EXPECT_EQ(events()[0]["warmup"], true);
  EXPECT_EQ(events()[1]["warmup"], false);
  for (size_t i = 0; i < events().size(); ++i) EXPECT_EQ(events()[i]["sequence"], i);
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

TEST_F(RunTest, StrategiesOnAnotherModelAreJudgedAgainstItsOwnBaseline) {
  // The other model is always right; the first one from the second sample on.
  ScriptedGenerator generator(answer, {.prefill_ns = kMs, .per_token_ns = 0});
  ScriptedGenerator other([&](const GenerateRequest& request, size_t, size_t) {
    generator.advance(2 * kMs);  // its clock is the run's
    const std::string& prompt = std::get<Conversation>(request.prompt).messages.back().content;
    return ScriptedCompletion{"Answer: " + prompt.substr(prompt.rfind(' ') + 1)};
  });
  Environment environment;
  environment.variants = {{"model=big", "a bigger one", &other}};
  Plan both = plan();
  both.strategies = {"baseline", "best-of-n:n=2"};
  both.strategies_on_variants = true;
  const auto result = run_with(generator, both, environment);
  ASSERT_TRUE(result.ok()) << result.error().message();
  std::vector<std::string> names;
  for (const StrategyResult& row : result->document.strategies) names.push_back(row.name);
  ASSERT_EQ(names, (std::vector<std::string>{
                       "baseline", "best-of-n:n=2", "model=big", "model=big/best-of-n:n=2",
                       "baseline-same-time(best-of-n:n=2)", "baseline-same-time(model=big)",
                       "baseline-same-time(model=big/best-of-n:n=2)"}));
  const auto& rows = result->document.strategies;
  EXPECT_EQ(rows[2].difference_to_baseline->estimate.value, 1) << "over the small one";
  EXPECT_EQ(rows[3].against, "model=big");
  EXPECT_EQ(rows[3].difference_to_baseline->estimate.value, 0) << "over the big one";
  ASSERT_TRUE(rows[5].accuracy && rows[6].accuracy);
  EXPECT_EQ(rows[5].accuracy->value, 0) << "the small one, asked again for as long";
  EXPECT_EQ(rows[6].accuracy->value, 1) << "the big one, asked again for as long";
  EXPECT_NE(rows[2].verdict, std::nullopt);
}

TEST_F(RunTest, EveryLookAtTheNumbersIsOnRecord) {
  Plan looked = plan(4);
  looked.same_time_controls = false;
  CancelFlag cancel;
  Environment environment;
  environment.cancel = &cancel;
  environment.on_progress = [&](const Progress& progress) {
    if (progress.n_done == 5) cancel.cancel();
  };
  const auto first = run(looked, environment);
  ASSERT_TRUE(first.ok()) << first.error().message();
  EXPECT_EQ(first->document.status.looks, std::vector<int64_t>{5});
  EXPECT_NEAR(*first->document.design.alpha, 0.05 * std::log1p(1.718281828 * 5 / 24), 1e-9);
  looked.resume = true;
  const auto second = run(looked);
  ASSERT_TRUE(second.ok()) << second.error().message();
  EXPECT_EQ(second->document.status.looks, (std::vector<int64_t>{5, 24}));
  const auto again = run(looked);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(again->document.status.looks, (std::vector<int64_t>{5, 24})) << "nothing new was seen";
  EXPECT_NEAR(*second->document.design.alpha, 0.05 - *first->document.design.alpha, 1e-12);
  EXPECT_EQ(again->document.design.alpha, second->document.design.alpha);
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

TEST_F(RunTest, AControlGetsTheMedianTimeOfItsStrategy) {
  Plan timed = plan(2);
  timed.strategies = {"baseline", "best-of-n:n=2"};
  timed.seeds = {3, 4, 5};
  timed.sampling.temperature = 0.8;
  // The strategy's batches take 25, 35 and 90 ms on a task, a single draw 10 ms.
  const int64_t batch_ms[] = {35, 25, 90};
  size_t n_batches = 0;
  ScriptedGenerator generator(
      [&](const GenerateRequest& request, size_t, size_t index) {
        const bool is_batch = request.samples.size() > 1;
        const int64_t n_tok = is_batch ? batch_ms[n_batches / 2 % 3] : 10;
        n_batches += is_batch;
        return ScriptedCompletion{"Answer: 0", index > 0 ? -.1 : -.2, FinishReason::kStop, n_tok};
      },
      {.prefill_ns = 0, .per_token_ns = kMs});
  ASSERT_TRUE(run_with(generator, timed).ok());
  int n_controls = 0;
  for (const auto& event : events()) {
    if (event["time_budget_ns"].is_null()) continue;
    ++n_controls;
    EXPECT_EQ(event["time_budget_ns"], 35 * kMs) << "the median, not the longest";
    EXPECT_EQ(event["end_ns"].get<int64_t>() - event["start_ns"].get<int64_t>(), 35 * kMs);
    EXPECT_EQ(event["n_calls"], 4) << "three draws and one that is cut";
  }
  EXPECT_EQ(n_controls, 6);
}

TEST_F(RunTest, AVoteGetsAsManySamplesAsFillTheTimeOfTheStrategy) {
  Plan timed = plan(3);
  timed.strategies = {"baseline", "best-of-n:n=3", "re2"};
  timed.seeds = {3};
  timed.control = "vote-same-time";
  timed.sampling.temperature = 0.8;
  // A sample takes 10 ms, three of a batch 14, re2 30: batches cost 2 ms for each further sample.
  ScriptedGenerator generator(
      [](const GenerateRequest& request, size_t, size_t) {
        const bool is_re2 =
            std::get<Conversation>(request.prompt).messages.back().content.find("again") !=
            std::string::npos;
        const auto n_further = static_cast<int64_t>(request.samples.size()) - 1;
        return ScriptedCompletion{"Answer: 0", -.1, FinishReason::kStop,
                                  is_re2 ? 30 : 10 + 2 * n_further};
      },
      {.prefill_ns = 0, .per_token_ns = kMs});
  const auto result = run_with(generator, timed);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_EQ(result->document.design.control, "vote-same-time");
  EXPECT_EQ(result->document.strategies[1].difference_to_control->control,
            "vote-same-time(best-of-n)");
  int n_of_three = 0, n_of_re2 = 0;
  for (const auto& event : events()) {
    if (event["time_budget_ns"].is_null()) continue;
    const bool is_re2 = event["strategy"] == "vote-same-time(re2)";
    (is_re2 ? n_of_re2 : n_of_three) += 1;
    EXPECT_EQ(event["candidates"].size(), is_re2 ? 11u : 3u);
    EXPECT_EQ(event["end_ns"].get<int64_t>() - event["start_ns"].get<int64_t>(),
              (is_re2 ? 30 : 14) * kMs)
        << "just the strategy's time";
  }
  EXPECT_EQ(n_of_three, 3);
  EXPECT_EQ(n_of_re2, 3);
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

TEST_F(RunTest, ResumesAfterACrashToTheSameEvents) {
  ASSERT_TRUE(run(plan()).ok());
  const auto whole = outcomes();
  const std::string record = read(directory_ / "events.jsonl");
  ASSERT_EQ(whole.size(), 60u);
  // A crash may cut the file anywhere: at a line's end, inside a line, inside the newline.
  for (const double share : {0.97, 0.5, 0.31, 0.1}) {
    const auto size = static_cast<size_t>(share * static_cast<double>(record.size()));
    std::ofstream(directory_ / "events.jsonl", std::ios::trunc) << record.substr(0, size);
    fs::remove(directory_ / "results.json");
    Plan again = plan();
    again.resume = true;
    int64_t n_runs = 0;
    Environment environment;
    environment.on_progress = [&](const Progress& progress) { n_runs += progress.last != nullptr; };
    const auto result = run(again, environment);
    ASSERT_TRUE(result.ok()) << result.error().message();
    EXPECT_TRUE(result->complete);
    EXPECT_EQ(outcomes(), whole) << share;
    EXPECT_LE(n_runs, static_cast<int64_t>((1 - share) * 61) + 6) << "finished runs were repeated";
    std::set<int64_t> sequences;
    for (const auto& event : events())
      EXPECT_TRUE(sequences.insert(event["sequence"].get<int64_t>()).second);
  }
}

TEST_F(RunTest, ResumingAFinishedRunOnlyWritesTheDocumentAgain) {
  ASSERT_TRUE(run(plan()).ok());
  const std::string record = read(directory_ / "events.jsonl");
  fs::remove(directory_ / "results.json");
  Plan again = plan();
  again.resume = true;
  ASSERT_TRUE(run(again).ok());
  EXPECT_EQ(read(directory_ / "events.jsonl"), record);
  EXPECT_TRUE(fs::exists(directory_ / "results.json"));
}

TEST_F(RunTest, RefusesToMixExperiments) {
  ASSERT_TRUE(run(plan()).ok());
  const auto again = run(plan());
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.error().message().find("use --resume"), std::string::npos);
  Plan other = plan();
  other.resume = true;
  other.model.path = "other.gguf";
  const auto error = run(other).error().message();
  EXPECT_NE(error.find("model was \"m.gguf (0 bytes)\", is \"other.gguf (0 bytes)\""),
            std::string::npos)
      << error;
  other = plan();
  other.resume = true;
  other.tasks[0].key.answer = "7";
  EXPECT_NE(run(other).error().message().find("tasks was"), std::string::npos);
  other = plan();
  other.resume = true;
  other.sampling.temperature = 0.1;
  EXPECT_NE(run(other).error().message().find("sampling was"), std::string::npos);
}

TEST_F(RunTest, RefusesADamagedRecord) {
  ASSERT_TRUE(run(plan()).ok());
  std::string record = read(directory_ / "events.jsonl");
  const size_t second = record.find('\n') + 1;
  record.replace(second, 5, "#####");
  std::ofstream(directory_ / "events.jsonl", std::ios::trunc) << record;
  Plan again = plan();
  again.resume = true;
  EXPECT_NE(run(again).error().message().find("events.jsonl:2"), std::string::npos);
  again.out_dir = directory_ / "nothing";
  EXPECT_EQ(run(again).error().code(), ErrorCode::kNotFound);
}

TEST_F(RunTest, KeepsWhatIsFinishedWhenItIsCancelled) {
  CancelFlag cancel;
  Environment environment;
  environment.cancel = &cancel;
  environment.on_progress = [&](const Progress& progress) {
    if (progress.n_done == 17) cancel.cancel();
  };
  const auto result = run(plan(), environment);
  ASSERT_TRUE(result.ok()) << result.error().message();
  EXPECT_FALSE(result->complete);
  const auto document = nlohmann::json::parse(read(directory_ / "results.json"));
  EXPECT_EQ(document["status"]["complete"], false);
  EXPECT_EQ(document["status"]["n_done"], 17);
  EXPECT_EQ(document["status"]["stop_reason"], "interrupted");
  Plan again = plan();
  again.resume = true;
  const auto whole = run(again);
  ASSERT_TRUE(whole.ok());
  EXPECT_TRUE(whole->complete);
  EXPECT_EQ(outcomes().size(), 60u);
}

TEST_F(RunTest, StopsAtItsTimeLimit) {
  Plan limited = plan();
  limited.time_limit_s = 0.05;
  ScriptedGenerator generator(answer, {.prefill_ns = 10 * kMs, .per_token_ns = 0});
  const auto result = run_with(generator, limited);
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->complete);
  EXPECT_EQ(result->document.status.n_done, 4) << "after the warm-up";
  EXPECT_EQ(result->document.status.stop_reason, "time limit");
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
    EXPECT_FALSE(fs::exists(directory_)) << "nothing may be written for a wrong plan";
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

TEST_F(RunTest, PutsABaselineInFront) {
  Plan without = plan(1);
  without.strategies = {"re2"};
  const auto result = run(without);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->document.strategies[0].name, "baseline");
  EXPECT_EQ(result->document.strategies[1].name, "re2");
}

TEST_F(RunTest, ASecondBaselineIsComparedToTheFirst) {
  Plan two = plan(1);
  two.strategies = {"re2", "greedy", "baseline"};
  const auto result = run(two);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->document.design.baseline, "greedy");
  EXPECT_EQ(result->document.strategies[0].name, "greedy");
  EXPECT_EQ(result->document.strategies[2].kind, StrategyKind::kStrategy);
  EXPECT_TRUE(result->document.strategies[2].verdict);
}

TEST_F(RunTest, AVariantIsARowThatAnotherModelAnswers) {
  const auto always_right = [](const GenerateRequest& request, size_t, size_t) {
    const std::string& prompt = std::get<Conversation>(request.prompt).messages.back().content;
    return ScriptedCompletion{"Answer: " + prompt.substr(prompt.rfind(' ') + 1), -.1,
                              FinishReason::kStop, 5};
  };
  ScriptedGenerator better(always_right, {.prefill_ns = kMs, .per_token_ns = 0});
  Plan p = plan();
  p.strategies = {"baseline"};
  p.same_time_controls = false;
  Environment environment;
  environment.variants = {{"other", "another model", &better}};
  const auto result = run(p, environment);
  ASSERT_TRUE(result.ok()) << result.error().message();
  ASSERT_EQ(result->document.strategies.size(), 2u);
  const results::StrategyResult& base = result->document.strategies[0];
  const results::StrategyResult& other = result->document.strategies[1];
  EXPECT_EQ(other.name, "other");
  EXPECT_EQ(other.n_runs, base.n_runs);
  EXPECT_EQ(base.n_correct, 0);
  EXPECT_EQ(other.n_correct, other.n_runs);
  // Another model under the same name would be another experiment.
  environment.variants[0].description = "a third model";
  p.resume = true;
  EXPECT_FALSE(run(p, environment).ok());
  environment.variants = {{"baseline", "named like a row", &better}};
  p.out_dir += "-2";
  p.resume = false;
  EXPECT_FALSE(run(p, environment).ok());
}

TEST_F(RunTest, AVariantThatSharesPromptsSeesItsEarlierRuns) {
  ScriptedGenerator alone(answer), sharing(answer);
  Plan p = plan(3);
  p.strategies = {"baseline"};
  p.same_time_controls = false;
  Environment environment;
  environment.variants = {{"alone", "", &alone}, {"sharing", "", &sharing, true}};
  ASSERT_TRUE(run(p, environment).ok());
  std::set<std::string> scopes, measured;
  for (const GenerateRequest& request : alone.requests()) scopes.insert(request.cache_scope);
  EXPECT_EQ(scopes.size(), alone.requests().size());
  for (const GenerateRequest& request : sharing.requests()) {
    if (request.cache_scope.starts_with("runs of")) measured.insert(request.cache_scope);
  }
  EXPECT_EQ(measured, std::set<std::string>{"runs of sharing"});
}

}  // namespace
}  // namespace whet::experiment
