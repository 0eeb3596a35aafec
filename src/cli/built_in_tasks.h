// Task files by what the user calls them: paths, and the families that are part of the program.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "eval/task_set.h"

namespace whet {

struct TaskFileContent {
  std::string path;  // "built-in/chain.jsonl" of a family that comes with whet
  std::string sha256;
  eval::TaskSet set;
};

/// The task files behind `name`, in the order of their names: one file, all .jsonl and .jsonl.gz
/// files of a directory, a family that comes with whet, or all of those ("built-in"). A path wins
/// over a family of the same name. Errors name what was looked for.
Result<std::vector<TaskFileContent>> open_tasks(const std::string& name);

}  // namespace whet
