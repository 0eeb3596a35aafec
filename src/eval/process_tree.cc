#include "eval/process_tree.h"

#include <fmt/format.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sys/number_file.h"

namespace whet::eval {
namespace {

namespace fs = std::filesystem;

void add_children(pid_t process, std::vector<pid_t>& out) {
  std::error_code error;
  for (fs::directory_iterator task(fmt::format("/proc/{}/task", process), error), end;
       !error && task != end; task.increment(error)) {
    std::ifstream in(task->path() / "children");
    for (pid_t child; in >> child;) out.push_back(child);
  }
}

}  // namespace

bool can_list_children() {
  return ::access(fmt::format("/proc/self/task/{}/children", ::getpid()).c_str(), R_OK) == 0;
}

std::vector<pid_t> process_tree(pid_t root) {
  std::vector<pid_t> processes = {root};
  for (size_t i = 0; i < processes.size(); ++i) add_children(processes[i], processes);
  return processes;
}

uint64_t memory_bytes_of(const std::vector<pid_t>& processes) {
  double kib = 0;
  for (pid_t process : processes) {
    const std::string status = fmt::format("/proc/{}/status", process);
    kib += number_after(status, "RssAnon:").value_or(0);
    kib += number_after(status, "RssShmem:").value_or(0);
  }
  return static_cast<uint64_t>(kib) * 1024;
}

int64_t files_behind(pid_t process, const std::string& directory) {
  struct statfs info {};
  if (::statfs(fmt::format("/proc/{}/root{}", process, directory).c_str(), &info) != 0) return -1;
  return static_cast<int64_t>(info.f_files - info.f_ffree);
}

}  // namespace whet::eval
