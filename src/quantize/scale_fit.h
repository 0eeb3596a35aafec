// Least-squares fits of a few weights to integer codes, the inner problem of every block type.
// The error is the sum of squares, each counted by the importance of its weight where one is given:
// with the mean square of what a weight is multiplied by, it is the error of the product.
#pragma once

#include <cstddef>
#include <cstdint>

namespace whet {

inline constexpr size_t kMaxFit = 256;  // weights of one fit

/// What is fitted: n weights, n a multiple of 8.
struct FitInput {
  const float* x;
  const float* importance;  // positive; nullptr: all alike
  size_t n;

  FitInput part(size_t begin, size_t length) const {
    return {x + begin, importance != nullptr ? importance + begin : nullptr, length};
  }
  double importance_of(size_t i) const { return importance != nullptr ? importance[i] : 1.0; }
};

/// x ~ scale * code, code in [low, high]. The sign of `scale` is free, so that the longer side of
/// an asymmetric range meets the larger weights.
struct SymmetricFit {
  float scale;
  float error;  // sum of squares
};
SymmetricFit fit_symmetric(const FitInput& in, int low, int high);

/// x ~ scale * code - offset, code in [0, high], scale and offset >= 0 if `offset_not_negative`
/// (K-quants store both without sign), otherwise any offset.
struct AffineFit {
  float scale, offset;
  float error;
};
AffineFit fit_affine(const FitInput& in, int high, bool offset_not_negative);

/// Codes for a given grid, and the error that they leave. `codes` may be nullptr. A scale of 0
/// gives code 0 (moved into the range).
float encode_with(const FitInput& in, float scale, float offset, int low, int high, int8_t* codes);

}  // namespace whet
