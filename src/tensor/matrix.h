// A weight matrix where it lies in memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace whet {

/// W [rows, columns] in blocks of `type`; a view, shapes checked by whoever binds it. Row-major as
/// in its file, or (interleave > 1) in panels of so many rows as kernels/interleave.h lays them
/// out.
struct Matrix {
  DType type;
  const std::byte* data;
  int64_t rows;
  int64_t columns;
  int64_t interleave = 1;
  /// The same weights channel by channel (kernels/channel_layout.h), where there is such a copy.
  const std::byte* channels = nullptr;

  uint64_t row_size() const {  // in bytes
    return row_bytes(dtype_info(type), static_cast<uint64_t>(columns));
  }
  /// Of a row-major matrix: where a row begins.
  const std::byte* row(int64_t index) const {
    return data + static_cast<uint64_t>(index) * row_size();
  }
};

}  // namespace whet
