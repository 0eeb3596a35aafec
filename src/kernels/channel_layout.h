// Weights channel by channel, for products that leave input channels out. A matrix [rows, columns]
// is cut into tiles of rows, a tile into blocks of 32 columns (channels): the codes of its rows for
// the first channel, for the second and so on, then the scales (and mins) that its rows have for
// the block, in f16. Codes and factors are those of the file's blocks, and as many bytes where the
// rows are a multiple of kChannelRowsMultiple; other matrices are padded with rows of zeros.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"
#include "tensor/matrix.h"

namespace whet::kernels {

struct KernelTable;

inline constexpr size_t kChannelBlock = 32;
inline constexpr size_t kChannelRowsMultiple = 128;
/// Rows of a tile, at most.
inline constexpr size_t kChannelTileRows = 2048;

/// A block of 32 channels of x: those that are kept, ascending, padded to whole quads with codes of
/// zero.
struct ChannelActivations {
  int8_t q[kChannelBlock];
  uint8_t channel[kChannelBlock];  // of the 32
  int32_t n_quads;                 // 0: none is kept
  int32_t offset8, offset16;       // -8 and -16 * sum of codes, in the policy's form
  float d;
  float sum;  // d * sum of codes
};

/// Types whose blocks can lie channel by channel.
inline constexpr DType kChannelTypes[] = {DType::Q8_0, DType::Q4_0, DType::Q4_1};
bool has_channel_layout(DType type);
/// The tiles of a matrix of so many rows are as even as their multiple allows.
struct ChannelTile {
  size_t first, n_rows;  // of the padded rows
};
size_t channel_tiles(size_t n_rows);
ChannelTile channel_tile(size_t n_rows, size_t tile);
/// Bytes of the tiles together, and where one begins. n_cols: a multiple of 32.
size_t channel_bytes(DType type, size_t n_rows, size_t n_cols);
size_t channel_tile_offset(DType type, size_t n_rows, size_t n_cols, size_t tile);
/// One tile of a row-major matrix to its place, for the kernels of a level. `out` is zeroed.
void lay_out_channels(const KernelTable& table, const Matrix& rows, size_t tile, std::byte* out);

}  // namespace whet::kernels
