// ByteCursor: reads little-endian values from untrusted bytes, front to back. Owns no memory.
// Invariant: position() <= size; nothing is read, and nothing may be allocated by a caller, before
// the bytes are known to be there.
#pragma once

#include <fmt/format.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace whet {

static_assert(std::endian::native == std::endian::little, "files are little-endian, as is the CPU");

class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }

  /// `what` names the value in the error, e.g. "number of tensors".
  template <typename T>
  requires std::is_arithmetic_v<T> Result<T> read(std::string_view what) {
    if (remaining() < sizeof(T)) return truncated(what, sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }

  /// The view is valid as long as the bytes are.
  Result<std::string_view> read_text(std::string_view what, uint64_t n_bytes) {
    if (remaining() < n_bytes) return truncated(what, n_bytes);
    const char* begin = reinterpret_cast<const char*>(bytes_.data()) + position_;
    position_ += n_bytes;
    return std::string_view(begin, n_bytes);
  }

 private:
  Error truncated(std::string_view what, uint64_t needed) const {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("the file ends too early: {} at byte {} needs {} bytes, {} are left",
                             what, position_, needed, remaining()));
  }

  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
};

}  // namespace whet
