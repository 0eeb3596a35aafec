#include "bench/speculation_speed.h"

#include <gtest/gtest.h>

namespace whet {
namespace {

std::unique_ptr<Engine> engine() {
  auto loaded = load_model(WHET_SOURCE_DIR "/models/whetstone-draft-q8_0.gguf");
  if (!loaded.ok()) ADD_FAILURE() << loaded.error().message();
  EngineOptions options;
  options.threads = 1;
  options.speculation.adaptive = false;
  auto created = Engine::create(std::move(*loaded), options);
  if (!created.ok()) ADD_FAILURE() << created.error().message();
  return std::move(*created);
}

GenerateRequest request() {
  GenerateRequest r;
  r.prompt = std::string("the red fox and the blue fox and the red fox and the");
  r.max_tokens = 24;
  r.ignore_eos = true;
  r.samples[0].temperature = 0;
  return r;
}

TEST(SpeculationSpeed, TakesTurnsAndFindsTheSameTokens) {
  auto e = engine();
  int n_runs = 0;
  const auto runs = measure_speculation(
      *e, request(), {.iterations = 2}, [&] { ++n_runs; }, nullptr);
  ASSERT_TRUE(runs.ok()) << runs.error().message();
  EXPECT_EQ(n_runs, 8);
  ASSERT_EQ(runs->vanilla.size(), 4u);
  ASSERT_EQ(runs->speculative.size(), 4u);
  for (const SpeculationRun& run : runs->speculative) {
    EXPECT_EQ(run.tokens, runs->vanilla[0].tokens);
    EXPECT_EQ(run.tokens.size(), 24u);
    EXPECT_GT(run.counts.n_drafted(), 0);
    EXPECT_GT(run.seconds_per_token(), 0);
    EXPECT_GE(run.total_s, run.decode_s);
  }
  EXPECT_EQ(runs->vanilla[0].counts.n_drafted(), 0);
  const auto half = measure_speculation(
      *e, request(), {.iterations = 1, .skip_vanilla = true}, [] {}, nullptr);
  EXPECT_TRUE(half->vanilla.empty());
  EXPECT_EQ(half->speculative.size(), 2u);
  CancelFlag cancel;
  cancel.cancel();
  const auto cancelled = measure_speculation(
      *e, request(), {}, [] {}, &cancel);
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().code(), ErrorCode::kCancelled);
}

TEST(SpeculationSpeed, MeasuresStepsOfSeveralRows) {
  auto e = engine();
  const auto costs = measure_row_costs(*e, 20, 13, 2, nullptr).value();
  ASSERT_GE(costs.size(), 10u);
  EXPECT_EQ(costs.front().n_rows, 1);
  EXPECT_EQ(costs.front().over_one, 1);
  EXPECT_EQ(costs.back().n_rows, 13);
  for (const RowCost& cost : costs) EXPECT_GT(cost.over_one, 0);
  EXPECT_FALSE(measure_row_costs(*e, e->context(), 4, 1, nullptr).ok());
}

TEST(SpeculationSpeed, PredictsFromStepsTheirCostsAndDrafting) {
  const std::vector<RowCost> costs = {{1, 1}, {2, 1.1}, {4, 1.3}, {8, 2}};
  SpeculationRun run;
  run.tokens.resize(11);  // the first comes from the prompt's pass
  for (int i = 0; i < 4; ++i) run.counts.note_step(1);
  run.counts.note_step(4);
  run.counts.note_step(3);  // 1.2, between 2 and 4
  EXPECT_NEAR(predicted_speedup(run, costs, 0.01), 10 / (4 + 1.3 + 1.2), 1e-12);
  run.counts.draft_ns = 5'000'000;  // half a step
  EXPECT_NEAR(predicted_speedup(run, costs, 0.01), 10 / (4 + 1.3 + 1.2 + 0.5), 1e-12);
  run.counts.note_step(20);  // as the most that was measured
  EXPECT_NEAR(predicted_speedup(run, costs, 0.01), 10 / (4 + 1.3 + 1.2 + 0.5 + 2), 1e-12);
  EXPECT_EQ(predicted_speedup(SpeculationRun{}, costs, 0.01), 1);
}

}  // namespace
}  // namespace whet
