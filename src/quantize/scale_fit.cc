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

/// Of the importance w: sums of w, w q, w q^2, w x, w x q, w x^2.
struct Moments {
  float w, q, qq, x, xq, xx;
};

/// Sums over codes q = clamp(round((x + offset) * inverse)).
template <bool kWeighted>
Moments moments(const FitInput& in, float inverse, float offset, int low, int high) {
  const auto lowest = static_cast<float>(low), highest = static_cast<float>(high);
  Lanes w_sum{}, q_sum{}, qq_sum{}, x_sum{}, xq_sum{}, xx_sum{};
  WHET_CHECK(in.n % kLanes == 0);
  for (size_t i = 0; i < in.n; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float v = in.x[i + lane];
      const float w = kWeighted ? in.importance[i + lane] : 1.0f;
      const float q = rounded(clamped((v + offset) * inverse, lowest, highest));
      const float wq = w * q, wv = w * v;
      w_sum[lane] += w;
      q_sum[lane] += wq;
      qq_sum[lane] += wq * q;
      x_sum[lane] += wv;
      xq_sum[lane] += wv * q;
      xx_sum[lane] += wv * v;
    }
  }
  return {sum(w_sum), sum(q_sum), sum(qq_sum), sum(x_sum), sum(xq_sum), sum(xx_sum)};
}

Moments moments(const FitInput& in, float inverse, float offset, int low, int high) {
  return in.importance != nullptr ? moments<true>(in, inverse, offset, low, high)
                                  : moments<false>(in, inverse, offset, low, high);
}

template <bool kWeighted>
float encode_on_grid(const FitInput& in, float scale, float offset, int low, int high,
                     int8_t* codes) {
  const float inverse = scale != 0 ? 1 / scale : 0;
  const auto lowest = static_cast<float>(low), highest = static_cast<float>(high);
  WHET_CHECK(in.n % kLanes == 0);
  Lanes error{};
  for (size_t i = 0; i < in.n; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float v = in.x[i + lane];
      const float q = rounded(clamped((v + offset) * inverse, lowest, highest));
      const float miss = v - (scale * q - offset);
      error[lane] += kWeighted ? in.importance[i + lane] * miss * miss : miss * miss;
      if (codes) codes[i + lane] = static_cast<int8_t>(q);
    }
  }
  return sum(error);
}

}  // namespace

float encode_with(const FitInput& in, float scale, float offset, int low, int high, int8_t* codes) {
  return in.importance != nullptr ? encode_on_grid<true>(in, scale, offset, low, high, codes)
                                  : encode_on_grid<false>(in, scale, offset, low, high, codes);
}

SymmetricFit fit_symmetric(const FitInput& in, int low, int high) {
  float extreme = 0;
  for (size_t i = 0; i < in.n; ++i) {
    if (std::fabs(in.x[i]) > std::fabs(extreme)) extreme = in.x[i];
  }
  const Moments none = moments(in, 0, 0, low, high);
  SymmetricFit best{0, none.xx};
  if (!(std::fabs(extreme) > std::numeric_limits<float>::min())) return best;
  // The extreme weight lands near either end of the range, a little inside to a little beyond.
  for (const int end : {low, high}) {
    for (int step = -9; step <= 9; ++step) {
      const float inverse = (static_cast<float>(end) + 0.1f * static_cast<float>(step)) / extreme;
      const Moments m = moments(in, inverse, 0, low, high);
      if (!(m.qq > 0)) continue;
      const float scale = m.xq / m.qq;
      const float error = m.xx - scale * m.xq;
      if (error < best.error && scale != 0) best = {scale, error};
    }
  }
  return best;
}

AffineFit fit_affine(const FitInput& in, int high, bool offset_not_negative) {
  float lowest = in.x[0], highest = in.x[0];
  for (size_t i = 1; i < in.n; ++i) {
    lowest = std::min(lowest, in.x[i]);
    highest = std::max(highest, in.x[i]);
  }
  if (offset_not_negative) {
    lowest = std::min(lowest, 0.0f);
    highest = std::max(highest, 0.0f);
  }
  const float range = highest - lowest;
  if (!(range > std::numeric_limits<float>::min())) {
    const float offset = offset_not_negative ? std::max(-lowest, 0.0f) : -lowest;
    return {0, offset, encode_with(in, 0, offset, 0, high, nullptr)};
  }
  AffineFit best{range / static_cast<float>(high), -lowest, 0};
  best.error = encode_with(in, best.scale, best.offset, 0, high, nullptr);
  for (int step = -10; step <= 10; ++step) {
    const float inverse = (static_cast<float>(high) + 0.1f * static_cast<float>(step)) / range;
    float offset = -lowest;
    const Moments m = moments(in, inverse, offset, 0, high);
    // Normal equations of x ~ scale * q - offset.
    const float determinant = m.w * m.qq - m.q * m.q;
    if (!(determinant > 0)) continue;
    float scale = (m.w * m.xq - m.x * m.q) / determinant;
    offset = (m.q * m.xq - m.x * m.qq) / determinant;
    if (offset_not_negative && offset < 0) {
      offset = 0;
      scale = m.xq / m.qq;
    }
    if (!(scale > 0)) continue;
    const float error = encode_with(in, scale, offset, 0, high, nullptr);
    if (error < best.error) best = {scale, offset, error};
  }
  return best;
}

}  // namespace whet
