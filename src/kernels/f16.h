// Conversions of single 16-bit floats, bit-exact with the hardware instructions.
#pragma once

#include <cstdint>

#include "kernels/simd.h"

namespace whet::kernels {
namespace {

WHET_INLINE float float_of_bits(uint32_t bits) {
  return load_as<float>(&bits);
}
WHET_INLINE uint32_t bits_of_float(float x) {
  return load_as<uint32_t>(&x);
}

WHET_INLINE float f32_from_bf16_bits(uint16_t h) {
  return float_of_bits(static_cast<uint32_t>(h) << 16);
}

WHET_INLINE float f32_from_f16_bits(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(h & 0x7fffu) << 13;
  if (magnitude >= 0x0f800000u) {  // infinity or NaN, made quiet as VCVTPH2PS does
    const uint32_t quiet = (magnitude & 0x007fffffu) != 0 ? 0x00400000u : 0u;
    return float_of_bits(sign | 0x7f800000u | magnitude | quiet);
  }
  // The exponent is biased by 15 here and by 127 there: one exact multiplication by 2^112, which
  // also makes a denormal f16 a normal f32.
  return float_of_bits(sign | bits_of_float(float_of_bits(magnitude) * 0x1.0p112f));
}

WHET_INLINE uint16_t f16_bits_from_f32(float x) {
  const uint32_t bits = bits_of_float(x);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  }
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // rounds to inf
  if (magnitude < 0x38800000u) {  // denormal: the adder rounds at 2^-24
    const float rounded = float_of_bits(magnitude) + 0.5f;
    return static_cast<uint16_t>(sign | (bits_of_float(rounded) - 0x3f000000u));
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded >> 13) - (112u << 10)));
}

WHET_INLINE uint16_t bf16_bits_from_f32(float x) {
  const uint32_t bits = bits_of_float(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace
}  // namespace whet::kernels
