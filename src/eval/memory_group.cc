#include "eval/memory_group.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "sys/cgroup.h"
#include "sys/number_file.h"

namespace whet::eval {
namespace {

Error group_unavailable(const std::string& path, int error) {
  return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", path, std::strerror(error)));
}

Status write_value(const std::string& path, std::string_view value) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return group_unavailable(path, errno);
  const bool written = ::write(fd, value.data(), value.size()) >= 0;
  const int error = errno;
  ::close(fd);
  if (!written) return group_unavailable(path, error);
  return ok_status();
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string unique_name() {
  static std::atomic<uint64_t> next{0};
  return fmt::format("whet-{}-{}", ::getpid(), next++);
}

}  // namespace

Result<MemoryGroup> MemoryGroup::create(uint64_t limit_bytes) {
  Error reason(ErrorCode::kUnavailable, "no memory control groups are mounted");
  for (const CgroupHierarchy& hierarchy : cgroup_hierarchies("memory")) {
    // In version 2 a group that holds processes cannot hand memory limits down: whet's own group
    // does not do, the one above it does.
    const size_t n_tried = std::min<size_t>(hierarchy.directories.size(), hierarchy.version);
    for (size_t i = 0; i < n_tried; ++i) {
      MemoryGroup group(hierarchy.version, hierarchy.directories[i] + "/" + unique_name());
      if (::mkdir(group.directory_.c_str(), 0755) != 0) {
        reason = group_unavailable(group.directory_, errno);
        group.directory_.clear();
        continue;
      }
      const Status usable = group.set_up(limit_bytes);
      if (usable.ok()) return group;
      reason = usable.error();
    }
  }
  return reason;
}

Status MemoryGroup::set_up(uint64_t limit_bytes) {
  const std::string limit = std::to_string(limit_bytes);
  if (version_ == 2) {
    WHET_TRY_STATUS(write_value(directory_ + "/memory.max", limit));
    if (const std::string swap = directory_ + "/memory.swap.max"; exists(swap)) {
      WHET_TRY_STATUS(write_value(swap, "0"));
    }
  } else {
    WHET_TRY_STATUS(write_value(directory_ + "/memory.limit_in_bytes", limit));
    if (const std::string both = directory_ + "/memory.memsw.limit_in_bytes"; exists(both)) {
      WHET_TRY_STATUS(write_value(both, limit));
    }
  }
  const std::string processes = directory_ + "/cgroup.procs";
  join_fd_ = ::open(processes.c_str(), O_WRONLY | O_CLOEXEC);
  if (join_fd_ < 0) return group_unavailable(processes, errno);
  return ok_status();
}

bool MemoryGroup::limit_was_hit() const {
  const char* file = version_ == 2 ? "/memory.events" : "/memory.oom_control";
  return number_after(directory_ + file, "oom_kill ").value_or(0) > 0;
}

MemoryGroup::MemoryGroup(MemoryGroup&& other) noexcept
    : version_(other.version_),
      directory_(std::exchange(other.directory_, "")),
      join_fd_(std::exchange(other.join_fd_, -1)) {}

MemoryGroup::~MemoryGroup() {
  if (join_fd_ >= 0) ::close(join_fd_);
  if (directory_.empty()) return;
  // The kernel lets go of the last process a little after it was waited for.
  for (int i = 0; i < 1000 && ::rmdir(directory_.c_str()) != 0 && errno == EBUSY; ++i) {
    const timespec pause{0, 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

}  // namespace whet::eval
