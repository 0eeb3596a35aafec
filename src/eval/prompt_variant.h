// PromptVariant: the same task asked in another way. A gain over one wording may be a gain of that
// wording; asked in several, each task is a group of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eval/question.h"

namespace whet::eval {

struct PromptVariant {
  std::string name;
  std::string before, after;  // text around the user's last turn, put there as it is
};

/// One JSON object a line: "name", and "before" or "after" or neither. Errors (kInvalidArgument):
/// anything else, with the line; a name twice or not of letters, digits, "-" and "_"; none at all.
Result<std::vector<PromptVariant>> parse_prompt_variants(std::string_view text);

/// Every task in every variant, task by task: id and family get "@NAME", and the variants of a task
/// are of one group (the task's own, if it has one).
std::vector<Task> asked_in_variants(const std::vector<Task>& tasks,
                                    const std::vector<PromptVariant>& variants);

}  // namespace whet::eval
