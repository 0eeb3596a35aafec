// How prepared activations lie in memory: [n_cols / 256][n_tokens] records of 256 columns, so that
// a block of columns of many tokens is contiguous. All offsets inside a record are constants,
// hence one address register per tile of tokens.
#pragma once

#include <cstddef>
#include <cstdint>

namespace whet::kernels {

inline constexpr size_t kBlockCols = 256;

/// For K-quants: x = d * q. `offset` lets a weight format with codes q - 32 start its accumulator
/// at -32 * sum(x) for free: per 16 columns either one int32, or (where products are accumulated
/// in 16 bit) two int16, the sums over columns 0,1 and 2,3 modulo 4. Their sum is the same.
struct Activations256 {
  int8_t q[256];
  int32_t offset[16];  // -32 * sum of 16 codes, in the policy's form
  int16_t sums[8];     // sum of 32 codes
  float d;
  float padding[3];
};
static_assert(sizeof(Activations256) == 352);

/// For 32-blocks: x = d[g] * q. The last record of a row may hold fewer than 8 groups.
struct Activations32 {
  int8_t q[256];
  int32_t offset[8];  // -16 * sum of 32 codes, in the policy's form
  float d[8];
  float sums[8];  // d * sum of 32 codes
};
static_assert(sizeof(Activations32) == 352);

/// For float weights, whose column k adds to partial sum k % kPartialSums: columns beyond n_cols
/// are zero up to a multiple of it.
inline constexpr size_t kPartialSums = 8;
inline constexpr size_t kFloatCols = 1024;
/// Up to kFewFloatTokens tokens have a record each. More share panels of the policy's kLanes
/// tokens, as large as their records: [k % kPartialSums][k / kPartialSums][token], so that what one
/// partial sum needs is contiguous. The tokens are then padded to a multiple of kFloatPanel. Two
/// unused steps keep the same place of all sums out of one set of L1.
inline constexpr size_t kFewFloatTokens = 12;
inline constexpr size_t kFloatPanel = 16;
inline constexpr size_t kFloatSteps = kFloatCols / kPartialSums;
inline constexpr size_t kFloatSumStride = kFloatSteps + 2;
struct ActivationsFloat {
  float x[kPartialSums * kFloatSumStride];
};

}  // namespace whet::kernels
