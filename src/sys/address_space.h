// A reserved range of zero-filled address space. The kernel puts memory behind a page when it is
// first written, so the range costs nothing until it is used and its base never moves.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace whet {

class AddressSpace {
 public:
  AddressSpace() = default;
  /// Errors: the kernel refuses a range of this size.
  static Result<AddressSpace> reserve(uint64_t bytes);
  ~AddressSpace();
  AddressSpace(AddressSpace&& other) noexcept;
  AddressSpace& operator=(AddressSpace&& other) noexcept;
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  std::byte* data() const { return base_; }
  uint64_t reserved_bytes() const { return reserved_; }

  /// Gives back the memory of all whole pages inside [begin, end); they read as zero again.
  void release(uint64_t begin, uint64_t end);

 private:
  std::byte* base_ = nullptr;
  uint64_t reserved_ = 0;
};

uint64_t page_bytes();

}  // namespace whet
