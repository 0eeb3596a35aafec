#include "bench/scenario.h"

#include <gtest/gtest.h>

#include "engine/engine.h"

namespace whet {
namespace {

TEST(ParseScenarios, TakesWhatIsWholeAndNamesWhatIsNot) {
  const auto good =
      parse_scenarios(R"([{"name": "a", "prompt_tokens": 7, "generated_tokens": 2}])", "mine.json");
  ASSERT_TRUE(good.ok()) << good.error().message();
  EXPECT_EQ(good->front().n_prompt, 7);
  EXPECT_EQ(good->front().n_gen, 2);
  for (const char* bad :
       {"", "{}", "[]", "[1]", R"([{"name": "a", "prompt_tokens": 7}])",
        R"([{"name": "", "prompt_tokens": 7, "generated_tokens": 2}])",
        R"([{"name": "a", "prompt_tokens": 0, "generated_tokens": 2}])",
        R"([{"name": "a", "prompt_tokens": 7.5, "generated_tokens": 2}])",
        R"([{"name": "a", "prompt_tokens": 7, "generated_tokens": 1}])",
        R"([{"name": "a", "prompt_tokens": 7, "generated_tokens": 2, "more": 1}])",
        R"([{"name": "a", "prompt_tokens": 7, "generated_tokens": 2},
            {"name": "a", "prompt_tokens": 8, "generated_tokens": 2}])"}) {
    const auto parsed = parse_scenarios(bad, "mine.json");
    ASSERT_FALSE(parsed.ok()) << bad;
    EXPECT_TRUE(parsed.error().message().starts_with("mine.json: expected an array")) << bad;
  }
}

TEST(ScenarioSubject, RunsPromptsOfTheSizeThatNoCacheKnows) {
  auto loaded = load_model(WHET_SOURCE_DIR "/models/whetstone-2.8m-q8_0.gguf");
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  auto engine = Engine::create(std::move(loaded).value(), {});
  ASSERT_TRUE(engine.ok()) << engine.error().message();
  ScenarioSubject subject(**engine, true);
  const auto scenarios = built_in_scenarios();
  for (uint64_t i = 0; i < scenarios.size(); ++i) {
    const auto run = subject.run(scenarios[i], i, nullptr);
    ASSERT_TRUE(run.ok()) << run.error().message();
    // A word is several tokens of a small vocabulary, and not the same number in every prompt.
    EXPECT_NEAR(static_cast<double>(run->n_prompt_tok), static_cast<double>(scenarios[i].n_prompt),
                2 + 0.1 * static_cast<double>(scenarios[i].n_prompt));
    EXPECT_EQ(run->n_output_tok, scenarios[i].n_gen);
    EXPECT_EQ(run->n_cached_tok, 0);
    EXPECT_GT(run->first_token_s, 0);
    EXPECT_GT(run->total_s, run->first_token_s);
    EXPECT_GT(run->kv_committed_bytes, 0u);
  }
}

}  // namespace
}  // namespace whet
