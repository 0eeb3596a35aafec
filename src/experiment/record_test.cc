// What an experiment leaves on disk when it is interrupted, and what it makes of that later.
#include <cmath>

#include "experiment/experiment_for_test.h"

namespace whet::experiment {
namespace {

using RecordTest = ExperimentTest;

TEST_F(RecordTest, EveryLookAtTheNumbersIsOnRecord) {
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

TEST_F(RecordTest, ResumesAfterACrashToTheSameEvents) {
  ASSERT_TRUE(run(plan()).ok());
  const auto whole = outcomes();
  const std::string record = read(directory_ / "events.jsonl");
  ASSERT_EQ(whole.size(), 60u);
  // A crash may cut the file anywhere: at a line's end, inside a line, inside the newline.
  for (const double share : {0.97, 0.5, 0.31, 0.1}) {
    const auto size = static_cast<size_t>(share * static_cast<double>(record.size()));
    std::ofstream(directory_ / "events.jsonl", std::ios::trunc) << record.substr(0, size);
    std::filesystem::remove(directory_ / "results.json");
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

TEST_F(RecordTest, ResumingAFinishedRunOnlyWritesTheDocumentAgain) {
  ASSERT_TRUE(run(plan()).ok());
  const std::string record = read(directory_ / "events.jsonl");
  std::filesystem::remove(directory_ / "results.json");
  Plan again = plan();
  again.resume = true;
  ASSERT_TRUE(run(again).ok());
  EXPECT_EQ(read(directory_ / "events.jsonl"), record);
  EXPECT_TRUE(std::filesystem::exists(directory_ / "results.json"));
}

TEST_F(RecordTest, RefusesToMixExperiments) {
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

TEST_F(RecordTest, RefusesADamagedRecord) {
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

TEST_F(RecordTest, KeepsWhatIsFinishedWhenItIsCancelled) {
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

TEST_F(RecordTest, StopsAtItsTimeLimit) {
  Plan limited = plan();
  limited.time_limit_s = 0.05;
  ScriptedGenerator generator(answer, {.prefill_ns = 10 * kMs, .per_token_ns = 0});
  const auto result = run_with(generator, limited);
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->complete);
  EXPECT_EQ(result->document.status.n_done, 4) << "after the warm-up";
  EXPECT_EQ(result->document.status.stop_reason, "time limit");
}

}  // namespace
}  // namespace whet::experiment
