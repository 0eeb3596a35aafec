// MemoryGroup: a control group of its own for one job. The kernel counts all memory of the job in
// it, also what belongs to no process (files in memory, pipes, kernel objects), and enforces a
// limit over all of it together.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace whet::eval {

class MemoryGroup {
 public:
  /// A group under this process's own one, or beside it where version 2 wants it so; both must be
  /// writable, as they are for root and where systemd delegates them.
  /// Errors (kUnavailable): why none can be made here.
  static Result<MemoryGroup> create(uint64_t limit_bytes);
  MemoryGroup(MemoryGroup&& other) noexcept;
  MemoryGroup& operator=(MemoryGroup&&) = delete;
  /// Removes the group; its processes must have ended.
  ~MemoryGroup();

  /// A process that writes "0" to this descriptor moves into the group.
  int join_fd() const { return join_fd_; }
  /// Whether the kernel ended a process because the group had reached its limit.
  bool limit_was_hit() const;
  int version() const { return version_; }

 private:
  MemoryGroup(int version, std::string directory)
      : version_(version), directory_(std::move(directory)) {}
  Status set_up(uint64_t limit_bytes);

  int version_;
  std::string directory_;  // "": moved from
  int join_fd_ = -1;
};

}  // namespace whet::eval
