#include "kernels/channel_layout.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/checked_math.h"
#include "kernels/kernels.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

/// How a type's block of 32 columns is cut up: where its factors and its codes are.
struct BlockParts {
  size_t bits, n_factors, codes;
};
BlockParts parts_of(DType type) {
  switch (type) {
    case DType::Q4_0:
      return {4, 1, offsetof(BlockQ4_0, qs)};
    case DType::Q4_1:
      return {4, 2, offsetof(BlockQ4_1, qs)};
    case DType::Q8_0:
      return {8, 1, offsetof(BlockQ8_0, qs)};
    default:
      WHET_UNREACHABLE();
  }
}

size_t padded(size_t n_rows) {
  return ceil_div(n_rows, kChannelRowsMultiple) * kChannelRowsMultiple;
}

/// Of one padded row.
size_t row_bytes_of(DType type, size_t n_cols) {
  const BlockParts parts = parts_of(type);
  return n_cols / kChannelBlock * (kChannelBlock * parts.bits / 8 + parts.n_factors * 2);
}

uint8_t code_of(const BlockParts& parts, const uint8_t* block, size_t channel) {
  const uint8_t* codes = block + parts.codes;
  if (parts.bits == 8) return codes[channel];
  return static_cast<uint8_t>(codes[channel % 16] >> (channel < 16 ? 0 : 4) & 15);
}

/// Where the code of a row lies in a channel's codes: vectors of 4 * lanes bytes, whose bytes
/// KernelTable's zip4() deals out to lanes in order; of codes of four bits the second half of the
/// rows of a vector lies in the high nibbles.
struct CodePlace {
  size_t byte, shift;
};
CodePlace place_of(size_t row, size_t bits, size_t lanes) {
  const size_t vector = 4 * lanes, rows = vector * 8 / bits;
  const size_t in = row % rows, at = in % vector;
  const size_t dword = at / lanes, lane = at % lanes;
  return {row / rows * vector + lane / 4 * 16 + dword * 4 + lane % 4, in / vector * 4};
}

}  // namespace

bool has_channel_layout(DType type) {
  return std::ranges::find(kChannelTypes, type) != std::end(kChannelTypes);
}

size_t channel_tiles(size_t n_rows) {
  return ceil_div(padded(n_rows), kChannelTileRows);
}

ChannelTile channel_tile(size_t n_rows, size_t tile) {
  const size_t units = padded(n_rows) / kChannelRowsMultiple, n = channel_tiles(n_rows);
  const size_t first = units * tile / n, end = units * (tile + 1) / n;
  return {first * kChannelRowsMultiple, (end - first) * kChannelRowsMultiple};
}

size_t channel_bytes(DType type, size_t n_rows, size_t n_cols) {
  return padded(n_rows) * row_bytes_of(type, n_cols);
}

size_t channel_tile_offset(DType type, size_t n_rows, size_t n_cols, size_t tile) {
  return channel_tile(n_rows, tile).first * row_bytes_of(type, n_cols);
}

void lay_out_channels(const KernelTable& table, const Matrix& rows, size_t tile, std::byte* out) {
  const auto n_rows = static_cast<size_t>(rows.rows), n_cols = static_cast<size_t>(rows.columns);
  WHET_CHECK(has_channel_layout(rows.type) && rows.interleave == 1 && n_cols % kChannelBlock == 0);
  const BlockParts parts = parts_of(rows.type);
  const ChannelTile place = channel_tile(n_rows, tile);
  const size_t channel_bytes = place.n_rows * parts.bits / 8;
  const size_t factor_bytes = place.n_rows * sizeof(uint16_t);
  const size_t file_block = dtype_info(rows.type).block_bytes;
  auto* block =
      reinterpret_cast<uint8_t*>(out + channel_tile_offset(rows.type, n_rows, n_cols, tile));
  for (size_t b = 0; b < n_cols / kChannelBlock; ++b) {
    uint8_t* factors = block + kChannelBlock * channel_bytes;
    for (size_t r = 0; r < place.n_rows && place.first + r < n_rows; ++r) {
      const auto* from =
          reinterpret_cast<const uint8_t*>(rows.row(static_cast<int64_t>(place.first + r))) +
          b * file_block;
      const CodePlace at = place_of(r, parts.bits, table.interleave);
      for (size_t c = 0; c < kChannelBlock; ++c) {
        uint8_t& byte = block[c * channel_bytes + at.byte];
        byte = static_cast<uint8_t>(byte | code_of(parts, from, c) << at.shift);
      }
      for (size_t f = 0; f < parts.n_factors; ++f) {
        std::memcpy(factors + f * factor_bytes + 2 * r, from + 2 * f, 2);
      }
    }
    block = factors + parts.n_factors * factor_bytes;
  }
}

}  // namespace whet::kernels
