// Which rows run, in which order, on which model, and what each is compared to.
#include "experiment/line.h"

#include "experiment/experiment_for_test.h"

namespace whet::experiment {
namespace {

using LineTest = ExperimentTest;

TEST_F(LineTest, InterleavesTheStrategies) {
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

TEST_F(LineTest, StrategiesOnAnotherModelAreJudgedAgainstItsOwnBaseline) {
  // The other model is always right; the first one from the second sample on.
  ScriptedGenerator generator(answer, {.prefill_ns = kMs, .per_token_ns = 0});
  ScriptedGenerator other([&](const GenerateRequest& request, size_t, size_t) {
    generator.advance(2 * kMs);  // its clock is the run's
    const std::string& prompt = std::get<Conversation>(request.prompt).messages.back().content;
    return ScriptedCompletion{"Answer: " + prompt.substr(prompt.rfind(' ') + 1)};
  });
  Environment environment;
  environment.variants = {{"model=d/big.gguf", "model=big", "a bigger one", &other}};
  Plan both = plan();
  both.strategies = {"baseline", "best-of-n:n=2"};
  both.strategies_on_variants = true;
  const auto result = run_with(generator, both, environment);
  ASSERT_TRUE(result.ok()) << result.error().message();
  std::vector<std::string> names;
  for (const StrategyResult& row : result->document.strategies) names.push_back(row.name);
  ASSERT_EQ(names,
            (std::vector<std::string>{
                "baseline", "best-of-n:n=2", "model=d/big.gguf", "model=d/big.gguf/best-of-n:n=2",
                "baseline-same-time(best-of-n:n=2)", "baseline-same-time(model=d/big.gguf)",
                "baseline-same-time(model=d/big.gguf/best-of-n:n=2)"}));
  const auto& rows = result->document.strategies;
  EXPECT_EQ(rows[2].difference_to_baseline->estimate.value, 1) << "over the small one";
  EXPECT_EQ(rows[2].title(), "model=big");
  EXPECT_EQ(rows[3].title(), "model=big/best-of-n:n=2");
  EXPECT_EQ(rows[3].against, "model=d/big.gguf");
  EXPECT_EQ(rows[3].difference_to_baseline->estimate.value, 0) << "over the big one";
  ASSERT_TRUE(rows[5].accuracy && rows[6].accuracy);
  EXPECT_EQ(rows[5].accuracy->value, 0) << "the small one, asked again for as long";
  EXPECT_EQ(rows[6].accuracy->value, 1) << "the big one, asked again for as long";
  EXPECT_NE(rows[2].verdict, std::nullopt);
}

TEST_F(LineTest, AControlGetsTheMedianTimeOfItsStrategy) {
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

TEST_F(LineTest, AVoteGetsAsManySamplesAsFillTheTimeOfTheStrategy) {
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

TEST_F(LineTest, PutsABaselineInFront) {
  Plan without = plan(1);
  without.strategies = {"re2"};
  const auto result = run(without);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->document.strategies[0].name, "baseline");
  EXPECT_EQ(result->document.strategies[1].name, "re2");
}

TEST_F(LineTest, ASecondBaselineIsComparedToTheFirst) {
  Plan two = plan(1);
  two.strategies = {"re2", "greedy", "baseline"};
  const auto result = run(two);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->document.design.baseline, "greedy");
  EXPECT_EQ(result->document.strategies[0].name, "greedy");
  EXPECT_EQ(result->document.strategies[2].kind, StrategyKind::kStrategy);
  EXPECT_TRUE(result->document.strategies[2].verdict);
}

TEST_F(LineTest, AVariantIsARowThatAnotherModelAnswers) {
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
  environment.variants = {{"other", "", "another model", &better}};
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
  environment.variants = {{"baseline", "", "named like a row", &better}};
  p.out_dir += "-2";
  p.resume = false;
  EXPECT_FALSE(run(p, environment).ok());
}

TEST_F(LineTest, AVariantThatSharesPromptsSeesItsEarlierRuns) {
  ScriptedGenerator alone(answer), sharing(answer);
  Plan p = plan(3);
  p.strategies = {"baseline"};
  p.same_time_controls = false;
  Environment environment;
  environment.variants = {{"alone", "", "", &alone}, {"sharing", "", "", &sharing, true}};
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
