#include "sys/address_space.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/checked_math.h"
#include "sys/shared_memory.h"

namespace whet {

uint64_t page_bytes() {
  static const uint64_t size = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

namespace {

int protection(AddressSpace::Access access) {
  switch (access) {
    case AddressSpace::Access::kNone:
      return PROT_NONE;
    case AddressSpace::Access::kRead:
      return PROT_READ;
    case AddressSpace::Access::kWrite:
      return PROT_READ | PROT_WRITE;
  }
  WHET_UNREACHABLE();
}

}  // namespace

Result<AddressSpace> AddressSpace::reserve(uint64_t bytes, Access access) {
  auto rounded = checked_align_up(std::max<uint64_t>(bytes, 1), page_bytes());
  void* base = MAP_FAILED;
  if (rounded) {
    base = ::mmap(nullptr, *rounded, protection(access),
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  if (base == MAP_FAILED) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("cannot reserve {} bytes of address space: {}", bytes,
                             rounded ? std::strerror(errno) : "the size overflows"));
  }
  AddressSpace space;
  space.base_ = static_cast<std::byte*>(base);
  space.reserved_ = *rounded;
  return space;
}

AddressSpace::~AddressSpace() {
  if (base_ != nullptr) ::munmap(base_, reserved_);
}

AddressSpace::AddressSpace(AddressSpace&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), reserved_(std::exchange(other.reserved_, 0)) {}

AddressSpace& AddressSpace::operator=(AddressSpace&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(reserved_, other.reserved_);
  return *this;
}

Status AddressSpace::map(uint64_t at, const SharedMemory& memory, uint64_t offset, uint64_t bytes,
                         Access access) {
  WHET_CHECK(at % page_bytes() == 0 && bytes <= reserved_ && at <= reserved_ - bytes);
  if (::mmap(base_ + at, bytes, protection(access), MAP_SHARED | MAP_FIXED, memory.descriptor(),
             static_cast<off_t>(offset)) == MAP_FAILED) {
    return Error(ErrorCode::kResourceExhausted,
                 fmt::format("cannot map {} bytes of shared memory: {} (the system limits the "
                             "mappings of a process, vm.max_map_count)",
                             bytes, std::strerror(errno)));
  }
  return ok_status();
}

}  // namespace whet
