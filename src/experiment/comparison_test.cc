#include "experiment/comparison.h"

#include <gtest/gtest.h>

namespace whet::experiment {
namespace {

using results::Document;
using results::Event;

/// 20 tasks x 2 seeds of one row, `n_right` tasks right, each run taking `seconds`.
Document document(int n_right, double seconds) {
  Document out;
  out.strategies.emplace_back().name = "base";
  for (int task = 0; task < 20; ++task) {
    for (uint64_t seed : {1, 2}) {
      Event event;
      event.strategy = "base";
      event.task = "t" + std::to_string(task);
      event.question = "q" + std::to_string(task);
      event.seed = seed;
      event.end_ns = static_cast<int64_t>(seconds * 1e9);
      event.prompt_tokens = 10;
      event.grade = task < n_right ? eval::GradeStatus::kCorrect : eval::GradeStatus::kWrong;
      out.events.push_back(event);
    }
  }
  return out;
}

TEST(Comparison, PairsRunsOfTheSameTaskAndSeed) {
  const auto result = compare(document(5, 1), document(15, 2), {.n_resamples = 500});
  ASSERT_EQ(result.rows.size(), 1u);
  EXPECT_EQ(result.rows[0].n_tasks, 20);
  EXPECT_EQ(result.rows[0].n_runs, 40);
  EXPECT_DOUBLE_EQ(result.rows[0].accuracy->estimate.value, 0.5);
  EXPECT_NEAR(result.rows[0].time_ratio->value, 2, 1e-9);
  EXPECT_NEAR(result.rows[0].token_ratio->value, 1, 1e-9);
  EXPECT_TRUE(result.settings.empty());
}

TEST(Comparison, LeavesOutWhatOnlyOneHas) {
  Document a = document(5, 1), b = document(15, 1);
  for (Event& event : b.events) {
    if (event.seed == 2) event.seed = 3;                        // a seed of its own
    if (event.task == "t0") event.question = "something else";  // another task of this name
    if (event.task == "t1") event.warmup = true;                // counts nowhere
  }
  b.strategies.emplace_back().name = "re2";
  a.strategies.emplace_back().name = "diverse";
  const auto result = compare(a, b, {.n_resamples = 500});
  ASSERT_EQ(result.rows.size(), 1u);
  EXPECT_EQ(result.rows[0].n_tasks, 18);
  EXPECT_EQ(result.rows[0].n_runs, 18);
  EXPECT_NEAR(result.rows[0].accuracy->estimate.value, 10.0 / 18, 1e-9);
  EXPECT_EQ(result.only_a, std::vector<std::string>{"diverse"});
  EXPECT_EQ(result.only_b, std::vector<std::string>{"re2"});
}

TEST(Comparison, SaysWhatElseDiffers) {
  Document a = document(5, 1), b = document(5, 1);
  a.model.type = "Q4_K";
  b.model.type = "Q8_0";
  b.sampling["temperature"] = "0.8";
  b.design.system = "Be brief.";
  a.machine.load_average = 1;
  b.machine.load_average = 2;
  const auto result = compare(a, b, {.n_resamples = 50});
  ASSERT_EQ(result.settings.size(), 3u);
  EXPECT_EQ(result.settings[0].name, "design.system");
  EXPECT_EQ(result.settings[0].b, "Be brief.");
  EXPECT_EQ(result.settings[1].name, "model.type");
  EXPECT_EQ(result.settings[1].a, "Q4_K");
  EXPECT_EQ(result.settings[1].b, "Q8_0");
  EXPECT_EQ(result.settings[2].name, "sampling.temperature");
  EXPECT_EQ(result.settings[2].a, "");
  EXPECT_EQ(result.settings[2].b, "0.8");
}

}  // namespace
}  // namespace whet::experiment
