// What tests of experiments share: a small plan, a model that is right from its second sample on,
// and a directory of their own.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "experiment/run.h"
#include "strategy/scripted_generator.h"

namespace whet::experiment {

using strategy::ScriptedCompletion;
using strategy::ScriptedGenerator;

inline constexpr int64_t kMs = 1'000'000;

class ExperimentTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() /
                 ("whet_run_test_" + std::to_string(::getpid()) + "_" +
                  testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

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

  static std::string read(const std::filesystem::path& path) {
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

  std::filesystem::path directory_;
};

}  // namespace whet::experiment
