// Fuzz targets: what must hold for every input, however hostile. A broken promise aborts.
#pragma once

#include <string_view>

namespace whet::fuzz {

/// A reply of a model, through every kind of grading that needs no sandbox. The first byte chooses
/// the task.
void grade_reply(std::string_view input);

/// A task file; where it is accepted, its tasks keep what docs/tasks.md promises of them.
void read_task_file(std::string_view input);

}  // namespace whet::fuzz
