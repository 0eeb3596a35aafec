#include "eval/reference_reply.h"

namespace whet::eval {

std::optional<std::string> reference_reply(const Task& task) {
  const AnswerKey& key = task.key;
  if (is_code(task.question.kind)) {
    return key.solution.empty() ? std::nullopt : std::optional(key.solution);
  }
  if (has_text_answer(task.question.kind)) return "Answer: " + key.answer;
  if (key.metric == "squad") return key.references.front();
  return std::nullopt;
}

}  // namespace whet::eval
