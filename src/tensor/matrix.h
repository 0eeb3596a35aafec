// A weight matrix where it lies in its file.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace whet {

/// Row-major W [rows, columns] in blocks of `type`; a view, shapes checked by whoever binds it.
struct Matrix {
  DType type;
  const std::byte* data;
  int64_t rows;
  int64_t columns;

  const std::byte* row(int64_t index) const {
    return data + static_cast<uint64_t>(index) *
                      row_bytes(dtype_info(type), static_cast<uint64_t>(columns));
  }
};

}  // namespace whet
