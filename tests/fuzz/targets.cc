#include "targets.h"

#include <string>

#include "base/check.h"
#include "eval/answer.h"
#include "eval/code.h"
#include "eval/grader.h"
#include "eval/human_eval.h"
#include "eval/task_set.h"

namespace whet::fuzz {
namespace {

using eval::AnswerKind;

constexpr const char* kHeader = "import math\n\ndef f(x):\n    \"\"\" Doubles x. \"\"\"\n";

void grade_text(AnswerKind kind, const std::string& key, std::string_view reply) {
  static const eval::Grader grader(nullptr);
  eval::Task task;
  task.question.kind = kind;
  task.key.answer = key;
  // "not graded" would be an exception that the grader caught.
  const eval::Grade grade = grader.grade(task, reply);
  WHET_CHECK(grade.status != eval::GradeStatus::kNotGraded);
  WHET_CHECK(!grade.strict || grade.correct());
  const auto answer = eval::extract_answer(kind, reply);
  WHET_CHECK(!answer || !answer->key.empty());
  WHET_CHECK(answer.has_value() || !grade.correct());
}

void extract_program(AnswerKind kind, const char* header, std::string_view reply) {
  eval::Question question;
  question.kind = kind;
  question.entry_point = "f";
  question.code_prefix = header;
  const auto code = eval::extract_code(question, reply);
  WHET_CHECK(!code || !eval::trimmed(code->source).empty());
  WHET_CHECK(!code || code->source.starts_with(header));
  if (code) eval::code_key(kind, code->source);
}

}  // namespace

void grade_reply(std::string_view input) {
  if (input.empty()) return;
  const auto choice = static_cast<unsigned char>(input[0]) % 8;
  const std::string_view reply = input.substr(1);
  switch (choice) {
    case 0:
    case 1:
      return grade_text(AnswerKind::kNumeric, "18", reply);
    case 2:
      return grade_text(AnswerKind::kExact, "3 5 7", reply);
    case 3:
      return grade_text(AnswerKind::kChoice, "B", reply);
    case 4:
      return extract_program(AnswerKind::kPython, "", reply);
    case 5:
      return extract_program(AnswerKind::kRust, "", reply);
    case 6:
      return extract_program(AnswerKind::kCpp, "", reply);
    default:
      return extract_program(AnswerKind::kPython, kHeader, reply);
  }
}

void read_task_file(std::string_view input) {
  eval::docstring_examples(input, "f");
  const auto set = eval::parse_tasks(input, "fuzz.jsonl");
  if (!set.ok()) {
    WHET_CHECK(set.error().message().starts_with("fuzz.jsonl"));
    return;
  }
  WHET_CHECK(!set->tasks.empty());
  for (const eval::Task& task : set->tasks) {
    WHET_CHECK(task.question.kind != AnswerKind::kFree);
    const std::string& key = eval::is_code(task.question.kind) ? task.key.tests : task.key.answer;
    WHET_CHECK(!eval::trimmed(key).empty());
    WHET_CHECK(!eval::trimmed(task.question.text()).empty());
  }
}

}  // namespace whet::fuzz
