#include "eval/sandbox.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include "eval/answer.h"
#include "eval/memory_group.h"
#include "eval/process_tree.h"
#include "eval/seccomp_filter.h"

namespace whet::eval {
namespace {

namespace fs = std::filesystem;

// Written by the wrapper before the program starts: its absence means that the container failed.
constexpr std::string_view kStarted = "started\n";
constexpr int kMaxProcesses = 64;
// A tmpfs bounds its bytes, but each of its files costs the kernel a kilobyte besides.
constexpr int64_t kMaxFiles = 16384;

Error unavailable(std::string message) {
  return Error(ErrorCode::kUnavailable, std::move(message));
}

std::string first_line(std::string_view text) {
  text = trimmed(text);
  return std::string(text.substr(0, text.find('\n')));
}

void add_system_directories(std::vector<std::string>& argv) {
  argv.insert(argv.end(), {"--ro-bind", "/usr", "/usr"});
  for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    std::error_code error;
    const auto status = fs::symlink_status(path, error);
    if (fs::is_symlink(status)) {
      argv.insert(argv.end(), {"--symlink", fs::read_symlink(path, error).string(), path});
    } else if (fs::is_directory(status)) {
      argv.insert(argv.end(), {"--ro-bind", path, path});
    }
  }
}

/// Whether this process may look at another user's: CAP_SYS_PTRACE.
bool may_inspect_others() {
  constexpr int kSysPtrace = 19;
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("CapEff:")) continue;
    const auto digits = trimmed(std::string_view(line).substr(7));
    uint64_t capabilities = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), capabilities, 16);
    return (capabilities >> kSysPtrace & 1) != 0;
  }
  return false;
}

Result<std::vector<std::string>> bwrap_argv(const std::string& bwrap, const SandboxJob& job,
                                            ChildSpec& child) {
  // --unshare-user is named besides --unshare-all, which would go on without it.
  std::vector<std::string> argv = {
      bwrap,        "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session",
      "--cap-drop", "ALL",           "--clearenv"};
  const std::pair<const char*, const char*> environment[] = {{"PATH", "/usr/bin:/bin"},
                                                             {"HOME", "/job"},
                                                             {"TMPDIR", "/tmp"},
                                                             {"LANG", "C.UTF-8"},
                                                             {"PYTHONHASHSEED", "0"}};
  for (const auto& [name, value] : environment) {
    argv.insert(argv.end(), {"--setenv", name, value});
  }
  add_system_directories(argv);
  if (!job.toolchain.empty()) {
    // Without /proc the loader cannot resolve $ORIGIN, so it is told where the libraries are.
    argv.insert(argv.end(), {"--ro-bind", job.toolchain, "/toolchain", "--setenv",
                             "LD_LIBRARY_PATH", "/toolchain/lib"});
  }
  argv.insert(argv.end(), {"--dev", "/dev", "--remount-ro", "/dev"});
  for (const char* scratch : {"/tmp", "/job"}) {
    argv.insert(argv.end(), {"--size", std::to_string(job.scratch_bytes), "--tmpfs", scratch});
  }
  int fd = kFirstFileFd;
  const auto descriptor_of = [&](const std::string& content) {
    child.files.push_back(content);
    return std::to_string(fd++);
  };
  for (const SandboxFile& file : job.files) {
    argv.insert(argv.end(), {"--perms", file.executable ? "0555" : "0444", "--file",
                             descriptor_of(file.content), file.path});
  }
  argv.insert(argv.end(), {"--chdir", "/job", "--remount-ro", "/"});
  WHET_TRY(const std::string filter, seccomp_filter(job.may_fork));
  argv.insert(argv.end(), {"--seccomp", descriptor_of(filter)});
  // RLIMIT_NPROC is set inside: only there it counts this container's processes and not the user's.
  // (-p is dash's option, -u is bash's.)
  const std::string wrapper =
      fmt::format("printf '{}\\n' >&{}; ulimit -p {} 2>/dev/null || ulimit -u {}; exec \"$@\"",
                  trimmed(kStarted), kReportFd, kMaxProcesses, kMaxProcesses);
  argv.insert(argv.end(), {"--", "/bin/sh", "-c", wrapper, "sh"});
  argv.insert(argv.end(), job.argv.begin(), job.argv.end());
  return argv;
}

std::string too_much_memory(const SandboxJob& job) {
  return fmt::format("used more than {} MiB of memory", job.memory_bytes >> 20);
}

Result<std::string> find_bwrap() {
  for (const char* path : {"/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"}) {
    if (::access(path, X_OK) == 0) return std::string(path);
  }
  return unavailable("bubblewrap (bwrap) is not installed");
}

}  // namespace

/// What no limit of a single process bounds: the memory of all of them, and the files in memory.
ChildWatch Sandbox::watch_of(const SandboxJob& job) const {
  return [&job, counts_files = can_count_files()](pid_t child, const ChildResult& so_far) {
    const std::vector<pid_t> processes = process_tree(child);
    if (memory_bytes_of(processes) > static_cast<uint64_t>(job.memory_bytes)) {
      return too_much_memory(job);
    }
    // Until the program starts, /tmp may still be the machine's own.
    if (!counts_files || !so_far.report.text.starts_with(kStarted)) return std::string();
    for (const char* scratch : {"/tmp", "/job"}) {
      if (files_behind(processes.back(), scratch) > kMaxFiles) {
        return fmt::format("made more than {} files", kMaxFiles);
      }
    }
    return std::string();
  };
}

bool Sandbox::can_count_files() const {
  return !drop_root_ || ::geteuid() != 0 || may_inspect_others();
}

Result<SandboxRun> Sandbox::run(const SandboxJob& job) const {
  ChildSpec child;
  child.input = job.input;
  child.limits = job.limits;
  child.wall_ns = job.wall_ns;
  child.max_out_bytes = job.max_out_bytes;
  child.max_err_bytes = job.max_err_bytes;
  // A toolchain in a home directory is not readable for nobody.
  child.drop_root = drop_root_ && job.toolchain.empty();
  WHET_TRY(child.argv, bwrap_argv(bwrap_, job, child));
  child.watch = watch_of(job);
  std::optional<MemoryGroup> group;
  if (groups_) {
    WHET_TRY(MemoryGroup created, MemoryGroup::create(static_cast<uint64_t>(job.memory_bytes)));
    group.emplace(std::move(created));
    child.join_fd = group->join_fd();
  }
  WHET_TRY(ChildResult result, run_child(child));
  if (group && group->limit_was_hit()) result.stopped = too_much_memory(job);
  std::string& report = result.report.text;
  if (!report.starts_with(kStarted)) {
    if (result.timed_out) return unavailable("the sandbox did not start in time");
    return unavailable(fmt::format(
        "the sandbox did not start: {}",
        result.err.text.empty()
            ? fmt::format("bwrap ended with status {}, signal {}", result.exit_code, result.signal)
            : first_line(result.err.text)));
  }
  report.erase(0, kStarted.size());
  return result;
}

Status Sandbox::probe() const {
  SandboxJob job;
  // The subshell needs a fork, which the filter must refuse.
  job.argv = {"/bin/sh", "-c", "printf a >&3; (printf b >&3); printf c >&3"};
  const auto probed = run(job);
  if (!probed.ok()) return probed.error();
  if (probed->report.text.compare("a") != 0) {
    return unavailable(fmt::format(
        "the sandbox did not stop a program from starting processes (probe said \"{}\")",
        probed->report.text));
  }
  return ok_status();
}

Result<Sandbox> Sandbox::create(const SandboxOptions& options) {
  std::string bwrap = options.bwrap;
  if (bwrap.empty()) {
    WHET_TRY(bwrap, find_bwrap());
  } else if (::access(bwrap.c_str(), X_OK) != 0) {
    return unavailable(fmt::format("bubblewrap: no program {}", bwrap));
  }
  const bool groups = options.use_control_groups && MemoryGroup::create(64 << 20).ok();
  // Where only root may create namespaces, root stays root inside its own user namespace. Where a
  // control group can be made but not joined, the watch alone has to do.
  Status failed = unavailable("");
  for (const bool with_groups : {true, false}) {
    for (const bool drop_root : {true, false}) {
      if ((with_groups && !groups) || (drop_root && ::geteuid() != 0)) continue;
      Sandbox sandbox(bwrap, drop_root, with_groups);
      failed = sandbox.probe();
      if (failed.ok()) return sandbox;
    }
  }
  return failed.error();
}

const Result<Sandbox>& Sandbox::of_this_machine() {
  static const Result<Sandbox> sandbox = create();
  return sandbox;
}

std::string Sandbox::limits() const {
  const SandboxJob job;
  const auto mib = [](int64_t bytes) { return fmt::format("{} MiB", bytes >> 20); };
  std::string how = groups_ ? "enforced by a control group"
                    : can_list_children()
                        ? "watched; no control group can be made here"
                        : "NOT bounded here: no control group, no list of children";
  const std::string files =
      groups_ || can_count_files() ? fmt::format("{} files", kMaxFiles) : "any number of files";
  return fmt::format(
      "no network, no host files but /usr (read-only), no system calls but the usual ones; a "
      "candidate: no processes, CPU {} s, wall clock {} s, address space {}, scratch 2 x {}, {}, "
      "memory in all {} ({}); a compiler: {} processes, each CPU {} s and address space {}, wall "
      "clock {} s, scratch 2 x {}, memory in all {}",
      job.limits.cpu_s, job.wall_ns / 1'000'000'000, mib(job.limits.address_bytes),
      mib(job.scratch_bytes), files, mib(job.memory_bytes), how, kMaxProcesses,
      kCompilerLimits.cpu_s, mib(kCompilerLimits.address_bytes), kCompilerWallNs / 1'000'000'000,
      mib(kCompilerScratchBytes), mib(kCompilerMemoryBytes));
}

}  // namespace whet::eval
