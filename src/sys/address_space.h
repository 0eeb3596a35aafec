// A reserved range of addresses whose base never moves. It costs nothing until it is used: the
// kernel puts zeroed memory behind a page when it is first written, or parts of a memory file are
// mapped into it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace whet {

class SharedMemory;

class AddressSpace {
 public:
  enum class Access { kNone, kRead, kWrite };

  AddressSpace() = default;
  /// kWrite: memory by use; kNone: nothing but addresses, to map into.
  /// Errors: the kernel refuses a range of this size.
  static Result<AddressSpace> reserve(uint64_t bytes, Access access);
  ~AddressSpace();
  AddressSpace(AddressSpace&& other) noexcept;
  AddressSpace& operator=(AddressSpace&& other) noexcept;
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  std::byte* data() const { return base_; }
  uint64_t reserved_bytes() const { return reserved_; }

  /// Maps bytes [offset, offset + bytes) of a memory file to [at, at + bytes), in place of what was
  /// there. Whole pages. Errors: kResourceExhausted where the process has too many mappings; what
  /// was there may be gone then.
  Status map(uint64_t at, const SharedMemory& memory, uint64_t offset, uint64_t bytes,
             Access access);

 private:
  std::byte* base_ = nullptr;
  uint64_t reserved_ = 0;
};

uint64_t page_bytes();

}  // namespace whet
