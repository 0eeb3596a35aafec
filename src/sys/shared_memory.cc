#include "sys/shared_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace whet {

Result<SharedMemory> SharedMemory::create(const std::string& name, uint64_t bytes) {
  SharedMemory memory(::memfd_create(name.c_str(), MFD_CLOEXEC));
  if (memory.fd_ < 0 || ::ftruncate(memory.fd_, static_cast<off_t>(bytes)) != 0) {
    return Error(
        ErrorCode::kResourceExhausted,
        fmt::format("cannot make a memory file of {} bytes: {}", bytes, std::strerror(errno)));
  }
  return memory;
}

SharedMemory::~SharedMemory() {
  if (fd_ >= 0) ::close(fd_);
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

SharedMemory& SharedMemory::operator=(SharedMemory&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

uint64_t SharedMemory::committed_bytes() const {
  struct stat status {};
  WHET_CHECK(::fstat(fd_, &status) == 0);
  return static_cast<uint64_t>(status.st_blocks) * 512;  // the unit of st_blocks
}

void SharedMemory::release(uint64_t offset, uint64_t bytes) {
  // madvise(MADV_DONTNEED) would free nothing of a shared mapping.
  WHET_CHECK(::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                         static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0);
}

}  // namespace whet
