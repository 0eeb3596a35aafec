// Task sets: files of questions with their keys. Format and wrappers: docs/tasks.md.
// Loading is strict: an unknown key or a wrong type is an error that names file and line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "eval/question.h"

namespace whet::eval {

struct TaskSet {
  std::string name;  // file stem or directory name
  std::vector<Task> tasks;
};

/// Reads a .jsonl or .jsonl.gz file: whet's own lines, GSM8K lines or HumanEval lines (recognised
/// by their keys). Errors: unreadable, over 256 MiB, no task, malformed line, duplicate id.
Result<TaskSet> load_task_file(const std::string& path);

/// The tasks of every .jsonl and .jsonl.gz file directly in `directory`, by file name.
Result<TaskSet> load_task_dir(const std::string& directory);

/// The tasks of a file's content; `source` names it in errors and prefixes default ids.
Result<TaskSet> parse_tasks(std::string_view content, const std::string& source);

/// At most `limit` tasks, drawn by `seed` so that each family keeps its share (largest remainder,
/// at least one each while the limit allows); file order is kept. The draw of a task depends on its
/// id only, so a larger limit keeps the tasks of a smaller one within a family. limit < 0: all.
TaskSet subsample(const TaskSet& set, int64_t limit, uint64_t seed);

/// Hex digest of ids, groups, questions, keys and the grader's version: two sets with one digest
/// ask and grade the same.
std::string task_digest(const std::vector<Task>& tasks);

}  // namespace whet::eval
