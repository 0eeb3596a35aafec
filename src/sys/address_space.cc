#include "sys/address_space.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/checked_math.h"

namespace whet {

uint64_t page_bytes() {
  static const uint64_t size = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

Result<AddressSpace> AddressSpace::reserve(uint64_t bytes) {
  auto rounded = checked_align_up(std::max<uint64_t>(bytes, 1), page_bytes());
  void* base = MAP_FAILED;
  if (rounded) {
    base = ::mmap(nullptr, *rounded, PROT_READ | PROT_WRITE,
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

void AddressSpace::release(uint64_t begin, uint64_t end) {
  uint64_t first = *checked_align_up(begin, page_bytes());
  uint64_t last = std::min(end, reserved_) / page_bytes() * page_bytes();
  if (first < last) ::madvise(base_ + first, last - first, MADV_DONTNEED);
}

}  // namespace whet
