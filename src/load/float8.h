// The two eight-bit floats of the OCP specification (OFP8 1.0), widened exactly.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/f16.h"

namespace whet {

/// E4M3: no infinity; all ones below the sign is NaN.
inline float f32_from_e4m3(uint8_t bits) {
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  float x = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                          : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  if ((bits & 0x7f) == 0x7f) x = std::numeric_limits<float>::quiet_NaN();
  return (bits & 0x80) != 0 ? -x : x;
}

/// E5M2: the upper half of an F16.
inline float f32_from_e5m2(uint8_t bits) {
  return kernels::f32_from_f16_bits(static_cast<uint16_t>(bits << 8));
}

}  // namespace whet
