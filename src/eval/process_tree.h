// A process and all that it started, and the memory that they hold: read from /proc while they run.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace whet::eval {

/// Whether the kernel lists the children of a process (/proc/PID/task/TID/children).
bool can_list_children();

/// `root` and its descendants, parents before children. Ended processes may be missing.
std::vector<pid_t> process_tree(pid_t root);

/// Anonymous and shared memory in use by these processes, in bytes. What several of them share
/// counts for each, so the sum is never too small.
uint64_t memory_bytes_of(const std::vector<pid_t>& processes);

/// Files, directories and links in the file system behind `directory` as `process` sees it; -1
/// where that cannot be told.
int64_t files_behind(pid_t process, const std::string& directory);

}  // namespace whet::eval
