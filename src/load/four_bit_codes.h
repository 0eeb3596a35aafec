// Codes of four bits, two in a byte: in the order of columns, as Hugging Face's world stores them,
// and as GGUF's blocks hold them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace whet {

/// The code of a column of a row in the order of columns: the first in the lower half of a byte.
inline uint8_t code_of_column(const std::byte* row, uint64_t column) {
  return static_cast<uint8_t>(std::to_integer<uint8_t>(row[column / 2]) >> (4 * (column % 2)) & 15);
}

/// Codes [first, first + 2n) as GGUF's blocks hold them: n bytes, the later half in high nibbles.
inline void put_halves(const std::byte* row, uint64_t first, uint64_t n, uint8_t* qs) {
  for (uint64_t i = 0; i < n; ++i) {
    qs[i] = static_cast<uint8_t>(code_of_column(row, first + i) | code_of_column(row, first + n + i)
                                                                      << 4);
  }
}

}  // namespace whet
