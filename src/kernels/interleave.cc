#include "kernels/interleave.h"

#include <cstring>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "kernels/kernels.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

constexpr size_t kNone = ~size_t{0};

/// Where a block has two bytes that do not belong to a group of four.
size_t lone_f16(DType type) {
  switch (type) {
    case DType::Q4_0:
      return offsetof(BlockQ4_0, d);
    case DType::Q8_0:
      return offsetof(BlockQ8_0, d);
    case DType::Q6_K:
      return offsetof(BlockQ6_K, d);
    default:
      return kNone;
  }
}

/// unit(offset in the block, Bytes) for every unit that interleaving keeps together.
template <class Unit>
void for_units(DType type, Unit unit) {
  const size_t lone = lone_f16(type);
  for (size_t at = 0; at < dtype_info(type).block_bytes;) {
    if (at == lone) {
      unit(at, std::integral_constant<size_t, 2>());
      at += 2;
    } else {
      unit(at, std::integral_constant<size_t, 4>());
      at += 4;
    }
  }
}

}  // namespace

bool can_interleave(DType type) {
  switch (type) {
    case DType::Q4_0:
    case DType::Q8_0:
    case DType::Q4_K:
    case DType::Q5_K:
    case DType::Q6_K:
      return true;
    default:
      return false;
  }
}

void interleave_rows(DType type, size_t n_rows, size_t n_cols, const void* rows, void* panel) {
  WHET_CHECK(can_interleave(type));
  const DTypeInfo& info = dtype_info(type);
  const size_t stride = row_bytes(info, n_cols);
  const auto* in = static_cast<const std::byte*>(rows);
  auto* out = static_cast<std::byte*>(panel);
  for (size_t block = 0; block < n_cols / info.block_elements; ++block) {
    for_units(type, [&](size_t at, auto bytes) {
      for (size_t r = 0; r < n_rows; ++r) {
        std::memcpy(out + n_rows * at + bytes * r, in + r * stride + at, bytes);
      }
    });
    in += info.block_bytes;
    out += n_rows * info.block_bytes;
  }
}

void dequantize_row(const Matrix& w, int64_t row, float* dst) {
  const auto n_cols = static_cast<size_t>(w.columns);
  if (w.interleave == 1) return dequantize_row(w.type, w.row(row), dst, n_cols);
  thread_local AlignedBuffer<std::byte> buffer;
  const DTypeInfo& info = dtype_info(w.type);
  const auto n_rows = static_cast<size_t>(w.interleave);
  const auto r = static_cast<size_t>(row % w.interleave);
  const std::byte* in = w.row(row - row % w.interleave);
  std::byte* out = buffer.reserve(w.row_size());
  for (size_t block = 0; block < n_cols / info.block_elements; ++block) {
    for_units(w.type, [&](size_t at, auto bytes) {
      std::memcpy(out + at, in + n_rows * at + bytes * r, bytes);
    });
    in += n_rows * info.block_bytes;
    out += info.block_bytes;
  }
  dequantize_row(w.type, buffer.data(), dst, n_cols);
}

}  // namespace whet::kernels
