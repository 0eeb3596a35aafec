#include "load/coded_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/checked_math.h"
#include "kernels/f16.h"
#include "tensor/blocks.h"

namespace whet {
namespace {

using kernels::f16_bits_from_f32;
using kernels::f32_from_f16_bits;

constexpr int64_t kRowsAtATime = 64;  // of a transposed matrix: whole cache lines of its columns
constexpr int64_t kBlock = 32;        // columns of every block type used here

/// Middles of 4, 5 and 8 bits: where the types without a minimum have their zero.
constexpr int32_t kCentres[] = {8, 16, 128};

/// What a matrix asks of the type that will hold it.
struct Needs {
  int32_t least = 0, most = 0;  // codes
  bool fits_f16 = true;
  float largest_rounding = 0;
  /// Whether every bias is minus so many scales: then the codes less that need no bias.
  std::array<bool, std::size(kCentres)> centred{true, true, true};

  void join(const Needs& other) {
    least = std::min(least, other.least);
    most = std::max(most, other.most);
    fits_f16 = fits_f16 && other.fits_f16;
    largest_rounding = std::max(largest_rounding, other.largest_rounding);
    for (size_t i = 0; i < centred.size(); ++i) centred[i] = centred[i] && other.centred[i];
  }
};

/// The difference that f16 makes; false where it is not a matter of its smallest steps.
bool f16_difference(float x, float& difference) {
  constexpr float kSmallestNormal = 0x1p-14f;
  const float rounded = f32_from_f16_bits(f16_bits_from_f32(x));
  difference = std::abs(rounded - x);
  return difference == 0 || std::abs(x) < kSmallestNormal;
}

void reserve(const CodedMatrix& m, int64_t n, CodedRows& rows) {
  rows.codes.resize(static_cast<size_t>(n * m.columns));
  const auto n_factors = static_cast<size_t>(n * (m.columns / m.group));
  rows.scales.resize(n_factors);
  rows.biases.assign(m.has_bias ? n_factors : 0, 0.0f);
}

Needs needs_of(const CodedMatrix& m, const CodedRows& rows) {
  Needs needs;
  const auto [least, most] = std::minmax_element(rows.codes.begin(), rows.codes.end());
  needs.least = *least;
  needs.most = *most;
  const auto group = static_cast<size_t>(m.group);
  for (size_t g = 0; g < rows.scales.size(); ++g) {
    const int32_t* codes = rows.codes.data() + g * group;
    int32_t largest = 0;
    for (size_t i = 0; i < group; ++i) largest = std::max(largest, std::abs(codes[i]));
    float scale_moves = 0, bias_moves = 0;
    // The scale of a group without codes scales nothing.
    const bool scale_fits = largest == 0 || f16_difference(rows.scales[g], scale_moves);
    const bool bias_fits = !m.has_bias || f16_difference(rows.biases[g], bias_moves);
    needs.fits_f16 = needs.fits_f16 && scale_fits && bias_fits;
    for (size_t i = 0; i < std::size(kCentres); ++i) {
      const bool is_centred =
          m.has_bias && rows.biases[g] == -static_cast<float>(kCentres[i]) * rows.scales[g];
      needs.centred[i] = needs.centred[i] && is_centred;
    }
    needs.largest_rounding =
        std::max(needs.largest_rounding, scale_moves * static_cast<float>(largest) + bias_moves);
  }
  return needs;
}

DType type_for(const CodedMatrix& m, const Needs& needs) {
  if (!needs.fits_f16 || m.group % kBlock != 0) return DType::F32;
  const auto within = [&](int32_t low, int32_t high) {
    return needs.least >= low && needs.most <= high;
  };
  if (!m.has_bias)
    return within(-8, 7) ? DType::Q4_0 : within(-128, 127) ? DType::Q8_0 : DType::F32;
  if (needs.centred[0] && within(0, 15)) return DType::Q4_0;
  if (needs.centred[1] && within(0, 31)) return DType::Q5_0;
  if (needs.centred[2] && within(0, 255)) return DType::Q8_0;
  if (within(0, 15)) return DType::Q4_1;
  if (within(0, 31)) return DType::Q5_1;
  return within(0, 255) ? DType::A8 : DType::F32;
}

/// 16 bytes of nibbles, the low ones first.
void put_nibbles(const int32_t* codes, int32_t offset, uint8_t* qs) {
  for (int i = 0; i < 16; ++i) {
    qs[i] = static_cast<uint8_t>(((codes[i] + offset) & 15) | ((codes[i + 16] + offset) & 15) << 4);
  }
}

/// Bit 4 of each code.
void put_fifth_bits(const int32_t* codes, uint8_t* qh) {
  for (int i = 0; i < 32; ++i) {
    qh[i / 8] = static_cast<uint8_t>(qh[i / 8] | (codes[i] >> 4 & 1) << (i % 8));
  }
}

/// One block of 32 columns. `zero`: the code that stands for 0 in the types without a minimum.
std::byte* put_block(DType type, const int32_t* codes, int32_t zero, float scale, float bias,
                     std::byte* out) {
  const auto put = [&](const auto& block) {
    std::memcpy(out, &block, sizeof(block));
    return out + sizeof(block);
  };
  const uint16_t d = f16_bits_from_f32(scale), m = f16_bits_from_f32(bias);
  switch (type) {
    case DType::Q4_0: {
      BlockQ4_0 block{d, {}};
      put_nibbles(codes, 8 - zero, block.qs);
      return put(block);
    }
    case DType::Q8_0: {
      BlockQ8_0 block{d, {}};
      for (int i = 0; i < 32; ++i) block.qs[i] = static_cast<int8_t>(codes[i] - zero);
      return put(block);
    }
    case DType::Q5_0: {
      BlockQ5_0 block{d, {}, {}};
      put_nibbles(codes, 0, block.qs);
      put_fifth_bits(codes, block.qh);
      return put(block);
    }
    case DType::Q4_1: {
      BlockQ4_1 block{d, m, {}};
      put_nibbles(codes, 0, block.qs);
      return put(block);
    }
    case DType::Q5_1: {
      BlockQ5_1 block{d, m, {}, {}};
      put_nibbles(codes, 0, block.qs);
      put_fifth_bits(codes, block.qh);
      return put(block);
    }
    default: {
      BlockA8 block{d, m, {}};
      for (int i = 0; i < 32; ++i) block.qs[i] = static_cast<int8_t>(codes[i] - 128);
      return put(block);
    }
  }
}

void put_row(const CodedMatrix& m, DType type, const CodedRows& rows, int64_t row, std::byte* out) {
  const int64_t n_groups = m.columns / m.group;
  const int32_t* codes = rows.codes.data() + row * m.columns;
  const float* scales = rows.scales.data() + row * n_groups;
  const float* biases = m.has_bias ? rows.biases.data() + row * n_groups : nullptr;
  const auto bias = [&](int64_t group) { return biases == nullptr ? 0.0f : biases[group]; };
  if (type == DType::F32) {
    for (int64_t c = 0; c < m.columns; ++c) {
      const int64_t g = c / m.group;
      const float x = scales[g] * static_cast<float>(codes[c]) + bias(g);
      std::memcpy(out + c * static_cast<int64_t>(sizeof(x)), &x, sizeof(x));
    }
    return;
  }
  const int32_t zero = !m.has_bias ? 0 : type == DType::Q4_0 ? 8 : type == DType::Q8_0 ? 128 : 0;
  for (int64_t c = 0; c < m.columns; c += kBlock) {
    out = put_block(type, codes + c, zero, scales[c / m.group], bias(c / m.group), out);
  }
}

}  // namespace

Result<EncodedMatrix> encode(const CodedMatrix& m, ThreadPool& pool) {
  const int64_t n_tasks = ceil_div(m.rows, kRowsAtATime);
  const auto with_rows = [&](int64_t task, auto&& use) {
    thread_local CodedRows rows;
    const int64_t first = task * kRowsAtATime, n = std::min(kRowsAtATime, m.rows - first);
    reserve(m, n, rows);
    m.read(first, n, rows);
    use(first, n, rows);
  };
  std::vector<Needs> found(static_cast<size_t>(n_tasks));
  pool.for_each(n_tasks, [&](int64_t task) {
    with_rows(task, [&](int64_t, int64_t, const CodedRows& rows) {
      found[static_cast<size_t>(task)] = needs_of(m, rows);
    });
  });
  Needs needs;
  for (const Needs& one : found) needs.join(one);

  EncodedMatrix out{type_for(m, needs), nullptr};
  if (out.type != DType::F32) out.largest_rounding = needs.largest_rounding;
  const uint64_t row_size = row_bytes(dtype_info(out.type), static_cast<uint64_t>(m.columns));
  WHET_TRY(out.memory, FileBytes::allocate(static_cast<uint64_t>(m.rows) * row_size, m.name));
  std::byte* const base = out.memory->writable_bytes().data();
  pool.for_each(n_tasks, [&](int64_t task) {
    with_rows(task, [&](int64_t first, int64_t n, const CodedRows& rows) {
      for (int64_t i = 0; i < n; ++i) {
        put_row(m, out.type, rows, i, base + static_cast<uint64_t>(first + i) * row_size);
      }
    });
  });
  return out;
}

}  // namespace whet
