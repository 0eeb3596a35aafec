#include "quantize/scale_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace whet {
namespace {

// Sums run in 8 interleaved lanes, which the compiler can keep in vectors without reordering.
constexpr size_t kLanes = 8;
using Lanes = std::array<float, kLanes>;

float sum(const Lanes& lanes) {
  float total = 0;
  for (float lane : lanes) total += lane;
  return total;
}

/// To the nearest integer, ties to even, for |x| < 2^22.
inline float rounded(float x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 * 2^23
  return (x + kMagic) - kMagic;
}

inline float clamped(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

struct Moments {
  float n, q, qq, x, xq, xx;
};

/// Sums over codes q = clamp(round((x + offset) * inverse)).
Moments moments(const float* x, size_t n, float inverse, float offset, int low, int high) {
  const auto lowest = static_cast<float>(low), highest = static_cast<float>(high);
  Lanes q_sum{}, qq_sum{}, x_sum{}, xq_sum{}, xx_sum{};
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float v = x[i + lane];
      const float q = rounded(clamped((v + offset) * inverse, lowest, highest));
      q_sum[lane] += q;
      qq_sum[lane] += q * q;
      x_sum[lane] += v;
      xq_sum[lane] += v * q;
      xx_sum[lane] += v * v;
    }
  }
  WHET_CHECK(i == n);
  return {static_cast<float>(n), sum(q_sum), sum(qq_sum), sum(x_sum), sum(xq_sum), sum(xx_sum)};
}

}  // namespace

float encode_with(const float* x, size_t n, float scale, float offset, int low, int high,
                  int8_t* codes) {
  const float inverse = scale != 0 ? 1 / scale : 0;
  const auto lowest = static_cast<float>(low), highest = static_cast<float>(high);
  WHET_CHECK(n % kLanes == 0);
  Lanes error{};
  for (size_t i = 0; i < n; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float q = rounded(clamped((x[i + lane] + offset) * inverse, lowest, highest));
      const float miss = x[i + lane] - (scale * q - offset);
      error[lane] += miss * miss;
      if (codes) codes[i + lane] = static_cast<int8_t>(q);
    }
  }
  return sum(error);
}

SymmetricFit fit_symmetric(const float* x, size_t n, int low, int high) {
  float extreme = 0;
  for (size_t i = 0; i < n; ++i) {
    if (std::fabs(x[i]) > std::fabs(extreme)) extreme = x[i];
  }
  const Moments none = moments(x, n, 0, 0, low, high);
  SymmetricFit best{0, none.xx};
  if (!(std::fabs(extreme) > std::numeric_limits<float>::min())) return best;
  // The extreme weight lands near either end of the range, a little inside to a little beyond.
  for (const int end : {low, high}) {
    for (int step = -9; step <= 9; ++step) {
      const float inverse = (static_cast<float>(end) + 0.1f * static_cast<float>(step)) / extreme;
      const Moments m = moments(x, n, inverse, 0, low, high);
      if (!(m.qq > 0)) continue;
      const float scale = m.xq / m.qq;
      const float error = m.xx - scale * m.xq;
      if (error < best.error && scale != 0) best = {scale, error};
    }
  }
  return best;
}

AffineFit fit_affine(const float* x, size_t n, int high, bool offset_not_negative) {
  float lowest = x[0], highest = x[0];
  for (size_t i = 1; i < n; ++i) {
    lowest = std::min(lowest, x[i]);
    highest = std::max(highest, x[i]);
  }
  if (offset_not_negative) {
    lowest = std::min(lowest, 0.0f);
    highest = std::max(highest, 0.0f);
  }
  const float range = highest - lowest;
  if (!(range > std::numeric_limits<float>::min())) {
    const float offset = offset_not_negative ? std::max(-lowest, 0.0f) : -lowest;
    return {0, offset, encode_with(x, n, 0, offset, 0, high, nullptr)};
  }
  AffineFit best{range / static_cast<float>(high), -lowest, 0};
  best.error = encode_with(x, n, best.scale, best.offset, 0, high, nullptr);
  for (int step = -10; step <= 10; ++step) {
    const float inverse = (static_cast<float>(high) + 0.1f * static_cast<float>(step)) / range;
    float offset = -lowest;
    const Moments m = moments(x, n, inverse, offset, 0, high);
    // Normal equations of x ~ scale * q - offset.
    const float determinant = m.n * m.qq - m.q * m.q;
    if (!(determinant > 0)) continue;
    float scale = (m.n * m.xq - m.x * m.q) / determinant;
    offset = (m.q * m.xq - m.x * m.qq) / determinant;
    if (offset_not_negative && offset < 0) {
      offset = 0;
      scale = m.xq / m.qq;
    }
    if (!(scale > 0)) continue;
    const float error = encode_with(x, n, scale, offset, 0, high, nullptr);
    if (error < best.error) best = {scale, offset, error};
  }
  return best;
}

}  // namespace whet
