#include "eval/sandbox.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "eval/answer.h"
#include "eval/seccomp_filter.h"

namespace whet::eval {
namespace {

namespace fs = std::filesystem;

// Written by the wrapper before the program starts: its absence means that the container failed.
constexpr std::string_view kStarted = "started\n";
constexpr int kMaxProcesses = 64;

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

std::vector<std::string> bwrap_argv(const std::string& bwrap, const SandboxJob& job,
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
  if (std::string filter = seccomp_filter(job.may_fork); !filter.empty()) {
    argv.insert(argv.end(), {"--seccomp", descriptor_of(filter)});
  }
  // RLIMIT_NPROC is set inside: only there it counts this container's processes and not the user's.
  // (-p is dash's option, -u is bash's.)
  const std::string wrapper =
      fmt::format("printf '{}\\n' >&{}; ulimit -p {} 2>/dev/null || ulimit -u {}; exec \"$@\"",
                  trimmed(kStarted), kReportFd, kMaxProcesses, kMaxProcesses);
  argv.insert(argv.end(), {"--", "/bin/sh", "-c", wrapper, "sh"});
  argv.insert(argv.end(), job.argv.begin(), job.argv.end());
  return argv;
}

Result<std::string> find_bwrap() {
  for (const char* path : {"/usr/bin/bwrap", "/usr/local/bin/bwrap", "/bin/bwrap"}) {
    if (::access(path, X_OK) == 0) return std::string(path);
  }
  return unavailable("bubblewrap (bwrap) is not installed");
}

}  // namespace

Result<SandboxRun> Sandbox::run(const SandboxJob& job) const {
  ChildSpec child;
  child.input = job.input;
  child.limits = job.limits;
  child.wall_ns = job.wall_ns;
  child.max_out_bytes = job.max_out_bytes;
  child.max_err_bytes = job.max_err_bytes;
  // A toolchain in a home directory is not readable for nobody.
  child.drop_root = drop_root_ && job.toolchain.empty();
  child.argv = bwrap_argv(bwrap_, job, child);
  WHET_TRY(ChildResult result, run_child(child));
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
  if (::geteuid() == 0) {
    // Where only root may create namespaces, root stays root inside its own user namespace.
    Sandbox as_nobody(bwrap, true);
    if (as_nobody.probe().ok()) return as_nobody;
  }
  Sandbox sandbox(bwrap, false);
  if (auto status = sandbox.probe(); !status.ok()) return status.error();
  return sandbox;
}

const Result<Sandbox>& Sandbox::of_this_machine() {
  static const Result<Sandbox> sandbox = create();
  return sandbox;
}

std::string Sandbox::description() {
  const ChildLimits limits;
  return fmt::format(
      "no network, no host files but /usr (read-only), no processes, CPU {} s, memory {} MiB, "
      "wall clock {} s",
      limits.cpu_s, limits.address_bytes >> 20, ChildSpec{}.wall_ns / 1'000'000'000);
}

}  // namespace whet::eval
