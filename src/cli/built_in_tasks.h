// Where the task sets that come with whet lie: beside the sources or in the installed prefix.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "eval/task_set.h"

namespace whet {

/// One task set from what the user wrote: a .jsonl file, a directory of them, or the name of a
/// family that comes with whet. Errors name what was looked for and where.
Result<eval::TaskSet> open_task_set(const std::string& name);
/// The files behind `name`, in the order in which they are read.
Result<std::vector<std::string>> task_files_of(const std::string& name);

}  // namespace whet
