// Sandbox: untrusted code in a bubblewrap container with no network, no host files but /usr, no
// privileges and hard limits. There is no other way to run a candidate: without a sandbox nothing
// runs. What is allowed and why: docs/tasks.md.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "eval/child.h"

namespace whet::eval {

struct SandboxFile {
  std::string path;  // inside, e.g. /job/driver.py
  std::string content;
  bool executable = false;
};

/// Of a compiler: of each of its processes.
inline constexpr ChildLimits kCompilerLimits = {
    .cpu_s = 30, .address_bytes = int64_t{4} << 30, .file_bytes = 64 << 20, .n_open_files = 256};
inline constexpr int64_t kCompilerWallNs = 60'000'000'000;
inline constexpr int64_t kCompilerScratchBytes = 256 << 20;
inline constexpr int64_t kCompilerMemoryBytes = int64_t{2} << 30;

struct SandboxJob {
  std::vector<std::string> argv;   // argv[0] is a path inside
  std::string input;               // on descriptor kInputFd, read once
  std::vector<SandboxFile> files;  // in memory; nothing is written to the host
  std::string toolchain;           // host directory to show read-only at /toolchain; "" = none
  ChildLimits limits;
  int64_t wall_ns = 20'000'000'000;
  int64_t scratch_bytes = 64 << 20;  // of /job and of /tmp, in memory
  int64_t memory_bytes = 640 << 20;  // all processes and scratch together
  size_t max_out_bytes = 64 << 10;
  size_t max_err_bytes = 64 << 10;
  /// Compilers start processes; candidates do not. At most 64 where allowed.
  bool may_fork = false;
};

/// `report` is what the program wrote to descriptor kReportFd.
using SandboxRun = ChildResult;

struct SandboxOptions {
  std::string bwrap;               // path; "" = look in the usual directories
  bool use_control_groups = true;  // where one can be made
};

class Sandbox {
 public:
  /// Finds bubblewrap and runs a probe: a program starts and cannot fork.
  /// Errors: kUnavailable with the reason, e.g. that user namespaces are blocked here.
  static Result<Sandbox> create(const SandboxOptions& options = {});
  /// The sandbox of this machine, probed on first use. Threads: safe.
  static const Result<Sandbox>& of_this_machine();

  /// Errors: kUnavailable if the container itself could not be set up; the program's own failure is
  /// a result. Threads: safe.
  Result<SandboxRun> run(const SandboxJob& job) const;

  /// What holds here, on one line for result documents: "no network, ...".
  std::string limits() const;
  /// Whether the kernel bounds the memory of a whole job.
  bool has_control_groups() const { return groups_; }

 private:
  Sandbox(std::string bwrap, bool drop_root, bool groups)
      : bwrap_(std::move(bwrap)), drop_root_(drop_root), groups_(groups) {}
  Status probe() const;
  ChildWatch watch_of(const SandboxJob& job) const;
  bool can_count_files() const;

  std::string bwrap_;
  bool drop_root_;  // root works as nobody where it can, so that RLIMIT_NPROC counts
  bool groups_;     // a control group for every job
};

}  // namespace whet::eval
