// One child process: started with limits and only the descriptors that it is given, its output read
// while it runs, killed with its whole process group when its time is up.
// Starts with vfork, so a parent with gigabytes of model mapped copies no page tables.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace whet::eval {

struct ChildLimits {
  int64_t cpu_s = 5;
  int64_t address_bytes = 512 << 20;
  int64_t file_bytes = 16 << 20;
  int64_t n_open_files = 64;
  /// Timers count as well. The kernel charges the user, so that all jobs share this, and lets go of
  /// what a job held up to seconds after its end: 2 to 5 for any job.
  int64_t n_pending_signals = 16384;
};

struct ChildResult;
/// Looks at a running child (its id, what it has written so far), at least every kWatchNs. Text
/// ends the child and its group, as the reason.
using ChildWatch = std::function<std::string(pid_t child, const ChildResult& so_far)>;
inline constexpr int64_t kWatchNs = 20'000'000;

/// Descriptors in the child: 0 /dev/null, 1 and 2 captured, 3 captured (report), 4 `input` as a
/// pipe that can be read once, 5, 6, ... the `files` in order, read-only. All others are closed.
struct ChildSpec {
  std::vector<std::string> argv;  // argv[0] is a path
  std::string input;
  std::vector<std::string> files;
  ChildLimits limits;
  int64_t wall_ns = 20'000'000'000;
  size_t max_out_bytes = 64 << 10;
  size_t max_err_bytes = 64 << 10;
  size_t max_report_bytes = 64 << 10;
  bool drop_root = false;  // run as nobody if this process is root
  int join_fd = -1;        // a control group's descriptor to write "0" to; -1: none
  ChildWatch watch;
};

struct Captured {
  std::string text;        // the first bytes, up to the cap
  bool truncated = false;  // the child wrote more, which was read and thrown away
};

struct ChildResult {
  int exit_code = -1;  // -1: ended by a signal
  int signal = 0;      // 0: exited
  bool timed_out = false;
  std::string stopped;  // why the watch ended it; "": it did not
  Captured out;
  Captured err;
  Captured report;
  int64_t wall_ns = 0;
};

inline constexpr int kReportFd = 3;
inline constexpr int kInputFd = 4;
inline constexpr int kFirstFileFd = 5;

/// Runs to the end or to the wall-clock limit. The environment is empty. Errors: no descriptors or
/// processes left, or argv[0] cannot be started. Threads: safe.
Result<ChildResult> run_child(const ChildSpec& spec);

}  // namespace whet::eval
