// Event: one strategy on one task with one seed, as it happened. Field for field the events of
// docs/results-schema.md; everything in a results document is derived from them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eval/grader.h"

namespace whet::results {

struct Candidate {
  std::optional<std::string> stage;
  std::string text;
  int64_t tokens = 0;
  std::string finish = "stop";  // finish_reason_name()
  std::optional<double> temperature;
  std::optional<double> logprob;
  std::optional<std::string> answer;
  std::optional<double> score;
  bool eligible = false;
  std::optional<std::string> reason;
  bool chosen = false;
  std::optional<bool> correct;  // graded afterwards; null: not graded
};

/// A later stage that the engine refused, as a rule because its prompt had outgrown the context.
struct SkippedStage {
  std::string stage, reason;
};

struct Event {
  std::string strategy;
  std::string task;
  std::string family;
  std::string group;  // tasks of one group are drawn together; "" = the task is on its own
  uint64_t seed = 0;
  int64_t sequence = 0;
  bool warmup = false;
  std::string question;
  std::optional<std::string> reference;
  int64_t start_ns = 0;  // since the start of the run
  std::optional<int64_t> first_token_ns;
  int64_t end_ns = 0;
  std::optional<int64_t> time_budget_ns;  // controls: the time that it was given
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  int64_t n_calls = 0;
  std::vector<Candidate> candidates;
  std::vector<SkippedStage> skipped;
  std::optional<std::string> answer;
  std::string how;  // how the answer was selected
  bool fell_back = false;
  eval::GradeStatus grade = eval::GradeStatus::kNotGraded;
  bool strict = false;     // correct by the marked answer alone
  std::string grade_rule;  // which extraction rule fired; "" = none
  std::string grade_detail;
  eval::MetricValues metrics;  // of tasks with references
  std::optional<int64_t> peak_rss_bytes;
  std::optional<int64_t> kv_bytes;
  std::optional<int64_t> other_cpu_ns;   // CPU time that other programs took meanwhile
  std::optional<int64_t> stolen_cpu_ns;  // CPU time that the hypervisor took
  std::optional<double> core_clock;      // dependent multiplications per s, just before the run
  std::optional<std::string> error;

  bool graded() const { return grade != eval::GradeStatus::kNotGraded; }
  bool correct() const { return grade == eval::GradeStatus::kCorrect; }
  double latency_s() const { return static_cast<double>(end_ns - start_ns) * 1e-9; }
};

}  // namespace whet::results
