// Weights to the blocks of a type, the inverse of kernels::dequantize_row.
#pragma once

#include <cstddef>

#include "tensor/dtype.h"

namespace whet {

/// True for the types that encode_row() writes: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K,
/// Q5_K, Q6_K.
bool can_encode(DType type);

/// Of these: those whose scales are fitted, so that an importance changes them. Floats round, and
/// Q8_0 spans the largest weight.
bool weighs_importance(DType type);

/// `n` finite weights, a whole number of blocks, to `dst`. Scales are fitted for the least squared
/// error, each counted by `importance` (positive, one for each weight; nullptr: alike); the codes
/// are those that fit the scale as it is stored. Values beyond the type's range become infinite in
/// F16, as IEEE rounding has it.
void encode_row(DType type, const float* x, size_t n, std::byte* dst,
                const float* importance = nullptr);

}  // namespace whet
