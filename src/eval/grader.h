// Grader: whether a text answers a task, by exact comparison or by execution. What cannot be judged
// here is "not graded" with the reason; it is never guessed.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/question.h"
#include "eval/reference_metric.h"
#include "eval/sandbox.h"

namespace whet::eval {

/// Raised whenever a text may be graded otherwise than before: records of different versions are
/// not comparable, and the digest of a task set holds it.
inline constexpr int kGraderVersion = 3;

enum class GradeStatus { kCorrect, kWrong, kNotGraded };
/// "correct", "wrong", "not_graded".
std::string_view grade_status_name(GradeStatus status);

struct Grade {
  GradeStatus status = GradeStatus::kNotGraded;
  /// Correct by the marked answer alone: no fallback rule, and an exact answer or a letter spelt
  /// exactly.
  /// Code: the same as correct.
  bool strict = false;
  std::string rule;      // which extraction rule fired, e.g. "answer_line", "fence"; "" if none did
  std::string answer;    // what was compared: extracted answer; code: ""
  std::string detail;    // one line: why
  MetricValues metrics;  // of tasks with references: how alike, under the metric's own names

  bool correct() const { return status == GradeStatus::kCorrect; }
};

struct GradeJob {
  const Task* task;
  std::string_view text;
};

class Grader {
 public:
  /// `sandbox` null: code tasks are not graded, with `no_sandbox_reason`.
  explicit Grader(const Sandbox* sandbox, std::string no_sandbox_reason = "code execution is off")
      : sandbox_(sandbox), no_sandbox_reason_(std::move(no_sandbox_reason)) {}

  /// Equal candidates of a task are executed once. Threads: safe.
  Grade grade(const Task& task, std::string_view text) const;
  /// The grades of all jobs, in order, on `n_threads` threads. Never inside a timed region.
  std::vector<Grade> grade_all(std::span<const GradeJob> jobs, int n_threads) const;

 private:
  Grade grade_code(const Task& task, std::string_view text) const;

  const Sandbox* sandbox_;
  std::string no_sandbox_reason_;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<std::string, std::string>, Grade> executed_;  // by tests, source
};

}  // namespace whet::eval
