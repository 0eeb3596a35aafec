#include "kernels/interleave.h"

#include <cstring>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "kernels/activations.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

constexpr size_t kNone = ~size_t{0};

/// Where a block has bytes that do not belong to a group of four, and how many: 1 or 2.
struct LoneBytes {
  size_t at = kNone, n = 2;
};
LoneBytes lone_bytes(DType type) {
  switch (type) {
    case DType::Q4_0:
      return {offsetof(BlockQ4_0, d)};
    case DType::Q8_0:
      return {offsetof(BlockQ8_0, d)};
    case DType::Q6_K:
      return {offsetof(BlockQ6_K, d)};
    case DType::MXFP4:
      return {offsetof(BlockMXFP4, e), 1};
    default:
      return {};
  }
}

/// unit(offset in a row, Bytes) for every unit of a row that interleaving keeps together.
template <class Unit>
void for_units(DType type, size_t n_cols, Unit unit) {
  const DTypeInfo& info = dtype_info(type);
  const size_t end = row_bytes(info, n_cols);
  constexpr std::integral_constant<size_t, 1> kOne;
  constexpr std::integral_constant<size_t, 2> kTwo;
  constexpr std::integral_constant<size_t, 4> kFour;
  constexpr std::integral_constant<size_t, 2 * kPartialSums> kHalves;
  constexpr std::integral_constant<size_t, 4 * kPartialSums> kFloats;
  if (type == DType::F32) {
    for (size_t at = 0; at < end; at += kFloats) unit(at, kFloats);
  } else if (is_float(type)) {
    for (size_t at = 0; at < end; at += kHalves) unit(at, kHalves);
  } else {
    const LoneBytes lone = lone_bytes(type);
    for (size_t block = 0; block < end; block += info.block_bytes) {
      for (size_t at = 0; at < info.block_bytes;) {
        if (at == lone.at && lone.n == 1) {
          unit(block + at, kOne);
          at += kOne;
        } else if (at == lone.at) {
          unit(block + at, kTwo);
          at += kTwo;
        } else {
          unit(block + at, kFour);
          at += kFour;
        }
      }
    }
  }
}

/// N rows: a constant, so that the copies of a unit need no loop.
template <size_t N>
void interleave(DType type, size_t n_cols, const void* rows, void* panel) {
  const size_t stride = row_bytes(dtype_info(type), n_cols);
  const auto* in = static_cast<const std::byte*>(rows);
  auto* out = static_cast<std::byte*>(panel);
  for_units(type, n_cols, [&](size_t at, auto bytes) {
#pragma GCC unroll 16
    for (size_t r = 0; r < N; ++r) {
      std::memcpy(out + N * at + bytes * r, in + r * stride + at, bytes);
    }
  });
}

}  // namespace

size_t interleaved_rows(const KernelTable& table, DType type, size_t n_cols) {
  switch (type) {
    case DType::F32:
    case DType::F16:
      return n_cols % kPartialSums == 0 ? kInterleavedFloatRows : 1;
    case DType::BF16:  // eight columns are not a vector of pairs
      return n_cols % kPartialSums == 0 && !table.bf16_pairs ? kInterleavedFloatRows : 1;
    case DType::Q4_0:
    case DType::Q8_0:
    case DType::Q4_K:
    case DType::Q5_K:
    case DType::Q6_K:
    case DType::MXFP4:
      return table.interleave;
    default:
      return 1;
  }
}

bool interleaving_pays(Isa isa, DType type, int rows_per_step) {
  switch (isa) {
    case Isa::kAvx2:
      return type == DType::Q4_0 || type == DType::Q8_0 || type == DType::Q4_K ||
             type == DType::Q5_K || type == DType::Q6_K;
    case Isa::kAvx512Vnni:
    case Isa::kAvx512Bf16:
      return rows_per_step == 1 &&
             (type == DType::Q4_K || type == DType::Q8_0 || type == DType::MXFP4);
    default:  // never measured on a CPU whose best level it is
      return false;
  }
}

void interleave_rows(DType type, size_t n_rows, size_t n_cols, const void* rows, void* panel) {
  switch (n_rows) {
    case 4:
      return interleave<4>(type, n_cols, rows, panel);
    case 8:
      return interleave<8>(type, n_cols, rows, panel);
    case 16:
      return interleave<16>(type, n_cols, rows, panel);
    default:
      WHET_UNREACHABLE();
  }
}

void dequantize_row(const Matrix& w, int64_t row, float* dst) {
  const auto n_cols = static_cast<size_t>(w.columns);
  if (w.interleave == 1) return dequantize_row(w.type, w.row(row), dst, n_cols);
  thread_local AlignedBuffer<std::byte> buffer;
  const auto n_rows = static_cast<size_t>(w.interleave);
  const auto r = static_cast<size_t>(row % w.interleave);
  const std::byte* in = w.row(row - row % w.interleave);
  std::byte* out = buffer.reserve(w.row_size());
  for_units(w.type, n_cols, [&](size_t at, auto bytes) {
    std::memcpy(out + at, in + n_rows * at + bytes * r, bytes);
  });
  dequantize_row(w.type, buffer.data(), dst, n_cols);
}

}  // namespace whet::kernels
