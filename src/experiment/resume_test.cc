// What a run makes of a record that something else has touched.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "experiment/run.h"
#include "results/event_log.h"
#include "strategy/scripted_generator.h"
#include "sys/json_text.h"

namespace whet::experiment {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class ResumeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "resume.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  Plan plan(bool resume) const {
    Plan plan;
    plan.strategies = {"baseline", "re2"};
    plan.seeds = {3, 4};
    plan.n_resamples = 200;
    plan.same_time_controls = false;
    plan.out_dir = directory_;
    plan.resume = resume;
    for (int i = 0; i < 3; ++i) {
      eval::Task task;
      task.id = "t" + std::to_string(i);
      task.family = "f";
      task.question.messages = eval::user_turn("Question");
      task.question.kind = eval::AnswerKind::kNumeric;
      task.key.answer = "1";
      plan.tasks.push_back(task);
    }
    return plan;
  }

  Result<ExperimentResult> run(bool resume) const { return run(plan(resume)); }

  Result<ExperimentResult> run(const Plan& plan) const {
    strategy::ScriptedGenerator generator([](const GenerateRequest&, size_t, size_t) {
      return strategy::ScriptedCompletion{"Answer: 1", -.1, FinishReason::kStop, 5};
    });
    Environment environment;
    environment.now_ns = generator.clock();
    return run_experiment(plan, generator, environment);
  }

  /// Rewrites the line at `at` (0: the header) of the record.
  void edit(size_t at, const std::function<void(json&)>& change) const {
    std::ifstream in(directory_ / "events.jsonl");
    std::string out, text;
    for (size_t i = 0; std::getline(in, text); ++i) {
      json line = json::parse(text);
      if (i == at) change(line);
      out += json_text(line) + "\n";
    }
    in.close();
    std::ofstream(directory_ / "events.jsonl", std::ios::trunc) << out;
  }

  fs::path directory_;
};

TEST_F(ResumeTest, RefusesEventsThatAreNotPlanned) {
  const std::pair<const char*, json> changes[] = {
      {"task", "t9"}, {"strategy", "re3"}, {"seed", 5}, {"family", "g"}};
  for (const auto& [key, value] : changes) {
    fs::remove_all(directory_);
    ASSERT_TRUE(run(false).ok());
    edit(4, [&](json& line) { line[key] = value; });
    const auto again = run(true);
    ASSERT_FALSE(again.ok()) << key;
    EXPECT_NE(again.error().message().find("events.jsonl:5: strategy "), std::string::npos)
        << again.error().message();
    EXPECT_NE(again.error().message().find("not of this experiment"), std::string::npos);
  }
}

TEST_F(ResumeTest, IsCompleteOnlyWithEveryPlannedRunOnce) {
  const auto whole = run(false);
  ASSERT_TRUE(whole.ok());
  EXPECT_TRUE(whole->complete);
  EXPECT_EQ(whole->document.status.n_done, 12);
  // A lost run whose line another one took is refused, not counted as complete.
  std::string other;
  edit(3, [&](json& line) { other = json_text(line); });
  edit(5, [&](json& line) {
    const json sequence = line["sequence"];
    line = json::parse(other);
    line["sequence"] = sequence;
  });
  EXPECT_FALSE(run(true).ok());
}

TEST_F(ResumeTest, RefusesASecondWriterWhileTheFirstRuns) {
  strategy::ScriptedGenerator generator([&](const GenerateRequest&, size_t, size_t) {
    Plan second = plan(false);
    second.overwrite = true;
    EXPECT_FALSE(run(second).ok());
    return strategy::ScriptedCompletion{"Answer: 1", -.1, FinishReason::kStop, 5};
  });
  Environment environment;
  environment.now_ns = generator.clock();
  EXPECT_TRUE(run_experiment(plan(false), generator, environment).ok());
}

TEST_F(ResumeTest, ReplacesARecordOnlyByAnExperimentThatCanRun) {
  ASSERT_TRUE(run(false).ok());
  EXPECT_FALSE(run(plan(false)).ok()) << "there is a record";
  Plan wrong = plan(false);
  wrong.overwrite = true;
  wrong.strategies = {"baseline", "no-such-strategy"};
  EXPECT_FALSE(run(wrong).ok());
  wrong.strategies = {"baseline"};
  wrong.seeds = {1, 1};
  EXPECT_FALSE(run(wrong).ok());
  const auto kept = run(true);
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->document.status.n_done, 12) << "the record as it was";
  wrong.seeds = {1};
  const auto replaced = run(wrong);
  ASSERT_TRUE(replaced.ok());
  EXPECT_EQ(replaced->document.status.n_done, 3);
}

TEST_F(ResumeTest, SaysThatThereIsNothingToResume) {
  const auto nothing = run(true);
  ASSERT_FALSE(nothing.ok());
  EXPECT_EQ(nothing.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(nothing.error().message().find("leave --resume away"), std::string::npos);
}

}  // namespace
}  // namespace whet::experiment
