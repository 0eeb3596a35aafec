// A file of memory without a name in any file system (memfd). Parts of it can be mapped several
// times, so that ranges of addresses share pages; a page is memory from its first use to release().
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace whet {

class SharedMemory {
 public:
  /// `name` shows in /proc. Errors: kResourceExhausted with the system's reason.
  static Result<SharedMemory> create(const std::string& name, uint64_t bytes);
  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&& other) noexcept;

  int descriptor() const { return fd_; }
  /// Memory behind the file, as the kernel counts it.
  uint64_t committed_bytes() const;
  /// Gives whole pages back; all mappings read zero there afterwards.
  void release(uint64_t offset, uint64_t bytes);

 private:
  explicit SharedMemory(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace whet
