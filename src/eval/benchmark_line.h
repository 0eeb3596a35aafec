// Lines of well-known benchmarks as whet tasks: the keys by which each is known, its prompt, its
// key. What each prompt says: docs/tasks.md.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/result.h"
#include "eval/question.h"

namespace whet::eval {

/// The task of a GSM8K, HumanEval, MBPP, MATH, ARC, HellaSwag, MMLU or SQuAD line; none if `line`
/// has the keys of none of them. `default_id` names lines without an id of their own. Errors: a
/// known line with a missing or wrong field.
Result<std::optional<Task>> benchmark_task(const nlohmann::json& line,
                                           const std::string& default_id);

}  // namespace whet::eval
