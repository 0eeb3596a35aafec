// The reply that a task's own key calls right, so that a file of tasks can be checked before models
// are blamed for its errors.
#pragma once

#include <optional>
#include <string>

#include "eval/question.h"

namespace whet::eval {

/// The solution of code, "Answer: KEY" of what is compared, the first reference of SQuAD. None
/// where the file has no solution, or where a reference metric judges nothing.
std::optional<std::string> reference_reply(const Task& task);

}  // namespace whet::eval
