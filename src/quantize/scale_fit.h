// Least-squares fits of a few weights to integer codes, the inner problem of every block type.
// The error is the plain sum of squares: it is what the output of a product sees when activations
// are alike, and what per-tensor error tables report.
#pragma once

#include <cstddef>
#include <cstdint>

namespace whet {

inline constexpr size_t kMaxFit = 256;  // weights of one fit

/// x ~ scale * code, code in [low, high]. The sign of `scale` is free, so that the longer side of
/// an asymmetric range meets the larger weights.
struct SymmetricFit {
  float scale;
  float error;  // sum of squares
};
SymmetricFit fit_symmetric(const float* x, size_t n, int low, int high);

/// x ~ scale * code - offset, code in [0, high], scale and offset >= 0 if `offset_not_negative`
/// (K-quants store both without sign), otherwise any offset.
struct AffineFit {
  float scale, offset;
  float error;
};
AffineFit fit_affine(const float* x, size_t n, int high, bool offset_not_negative);

/// Codes for a given grid, and the error that they leave. `codes` may be nullptr. A scale of 0
/// gives code 0 (moved into the range).
float encode_with(const float* x, size_t n, float scale, float offset, int low, int high,
                  int8_t* codes);

}  // namespace whet
