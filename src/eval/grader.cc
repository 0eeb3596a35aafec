#include "eval/grader.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include "base/check.h"
#include "eval/answer.h"
#include "eval/code.h"
#include "eval/execution.h"
#include "eval/reply.h"

namespace whet::eval {
namespace {

Grade not_graded(std::string reason) {
  Grade grade;
  grade.detail = std::move(reason);
  return grade;
}

Grade grade_text(const Task& task, std::string_view text) {
  const AnswerKind kind = task.question.kind;
  Grade grade;
  grade.status = GradeStatus::kWrong;
  const auto answer = extract_answer(kind, text);
  if (!answer) {
    const bool only_reasoning = !trimmed(text).empty() && trimmed(without_reasoning(text)).empty();
    grade.detail = only_reasoning ? "no answer outside of the reasoning" : "no answer found";
    return grade;
  }
  grade.rule = answer_rule_name(answer->rule);
  grade.answer = answer->text;
  const bool matches = answers_match(kind, *answer, task.key.answer);
  if (matches) grade.status = GradeStatus::kCorrect;
  const bool spelt_exactly =
      kind == AnswerKind::kNumeric || answer->text == trimmed(task.key.answer);
  grade.strict = matches && is_marked(answer->rule) && spelt_exactly;
  grade.detail = fmt::format("{} {} (expected {}, by {})", answer->text,
                             matches ? "is right" : "is wrong", task.key.answer, grade.rule);
  return grade;
}

/// A text beside references. Only an exact match of SQuAD is right or wrong; the rest is likeness.
Grade grade_by_references(const Task& task, std::string_view text) {
  const std::string reply = without_reasoning(text);
  std::string_view said = trimmed(reply);
  Grade grade;
  const auto marked = extract_answer(AnswerKind::kExact, reply);
  const bool is_marked_answer = marked && is_marked(marked->rule);
  if (is_marked_answer && task.key.metric == "squad") {
    said = marked->text;
    grade.rule = answer_rule_name(marked->rule);
  }
  grade.answer = said;
  grade.metrics = reference_metrics(task.key.metric, said, task.key.references);
  if (task.key.metric != "squad") {
    grade.detail = fmt::format("{} compares, it does not judge", task.key.metric);
    return grade;
  }
  const bool is_right = grade.metrics[0].value == 1;
  grade.status = is_right ? GradeStatus::kCorrect : GradeStatus::kWrong;
  grade.strict = is_right && said == trimmed(reply);
  grade.detail =
      fmt::format("{} {} (expected {})", said.substr(0, 200),
                  is_right ? "matches" : "does not match", fmt::join(task.key.references, " or "));
  return grade;
}

}  // namespace

std::string_view grade_status_name(GradeStatus status) {
  switch (status) {
    case GradeStatus::kCorrect:
      return "correct";
    case GradeStatus::kWrong:
      return "wrong";
    case GradeStatus::kNotGraded:
      return "not_graded";
  }
  WHET_UNREACHABLE();
}

Grade Grader::grade_code(const Task& task, std::string_view text) const {
  if (!sandbox_) return not_graded(no_sandbox_reason_);
  const auto code = extract_code(task.question, text);
  Grade grade;
  if (!code) {
    grade.status = GradeStatus::kWrong;
    grade.detail = "no code found";
    return grade;
  }
  grade.rule = code_rule_name(code->rule);
  const auto key = std::pair(task.question.setup + '\0' + task.key.tests, code->source);
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = executed_.find(key); known != executed_.end()) {
      Grade again = known->second;
      again.rule = grade.rule;
      return again;
    }
  }
  const auto execution = run_tests(*sandbox_, task.question, code->source, task.key.tests);
  if (!execution.ok()) return not_graded(execution.error().message());
  grade.status = execution->passed  ? GradeStatus::kCorrect
                 : execution->lacks ? GradeStatus::kNotGraded
                                    : GradeStatus::kWrong;
  grade.strict = execution->passed;
  grade.detail = execution->detail;
  const std::lock_guard lock(mutex_);
  executed_.emplace(key, grade);
  return grade;
}

// The one boundary of grading: texts of models are hostile input, and hours of measuring must not
// end because one of them finds a defect.
Grade Grader::grade(const Task& task, std::string_view text) const {
  try {
    if (is_code(task.question.kind)) return grade_code(task, text);
    if (!task.key.metric.empty()) return grade_by_references(task, text);
    if (task.question.kind == AnswerKind::kFree) return not_graded("the task has no answer key");
    return grade_text(task, text);
  } catch (const std::exception& error) {
    return not_graded(fmt::format("the grader failed, a defect of whet: {}", error.what()));
  }
}

std::vector<Grade> Grader::grade_all(std::span<const GradeJob> jobs, int n_threads) const {
  std::vector<Grade> grades(jobs.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < jobs.size(); i = next++) {
      grades[i] = grade(*jobs[i].task, jobs[i].text);
    }
  };
  std::vector<std::thread> threads;
  const auto n = std::min<size_t>(static_cast<size_t>(std::max(n_threads, 1)), jobs.size());
  for (size_t i = 1; i < n; ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  return grades;
}

}  // namespace whet::eval
