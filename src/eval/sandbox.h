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

struct SandboxJob {
  std::vector<std::string> argv;   // argv[0] is a path inside
  std::string input;               // on descriptor kInputFd, read once
  std::vector<SandboxFile> files;  // in memory; nothing is written to the host
  std::string toolchain;           // host directory to show read-only at /toolchain; "" = none
  ChildLimits limits;
  int64_t wall_ns = 20'000'000'000;
  int64_t scratch_bytes = 64 << 20;  // of /job and of /tmp, in memory
  size_t max_out_bytes = 64 << 10;
  size_t max_err_bytes = 64 << 10;
  /// Compilers start processes; candidates do not. At most 64 where allowed.
  bool may_fork = false;
};

/// `report` is what the program wrote to descriptor kReportFd.
using SandboxRun = ChildResult;

struct SandboxOptions {
  std::string bwrap;  // path; "" = look in the usual directories
};

class Sandbox {
 public:
  /// Finds bubblewrap and runs a probe: a program starts, sees its limits, and cannot fork.
  /// Errors: kUnavailable with the reason, e.g. that user namespaces are blocked here.
  static Result<Sandbox> create(const SandboxOptions& options = {});
  /// The sandbox of this machine, probed on first use. Threads: safe.
  static const Result<Sandbox>& of_this_machine();

  /// Errors: kUnavailable if the container itself could not be set up; the program's own failure is
  /// a result. Threads: safe.
  Result<SandboxRun> run(const SandboxJob& job) const;

  /// One line for result documents: "bubblewrap: no network, ...".
  static std::string description();

 private:
  Sandbox(std::string bwrap, bool drop_root) : bwrap_(std::move(bwrap)), drop_root_(drop_root) {}
  Status probe() const;

  std::string bwrap_;
  bool drop_root_;  // root works as nobody where it can, so that RLIMIT_NPROC counts
};

}  // namespace whet::eval
