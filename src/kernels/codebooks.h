// Tables of the formats whose codes are indices.
#pragma once

#include <cstdint>

#include "kernels/f16.h"

namespace whet::kernels {
namespace {

/// IQ4_NL: sixteen levels spaced as a normal distribution is dense. Source: ggml.
inline constexpr int8_t kIq4nlValues[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                            1,    13,   25,  38,  53,  69,  89,  113};

/// MXFP4: twice the values of E2M1 (OCP Microscaling Formats 1.0).
inline constexpr int8_t kMxfp4Values[16] = {0, 1,  2,  3,  4,  6,  8,  12,
                                            0, -1, -2, -3, -4, -6, -8, -12};

/// Half the scale that an E8M0 byte stands for, 2^(e - 128), as a float; two are denormal.
WHET_INLINE float mxfp4_scale(uint8_t e) {
  return float_of_bits(e < 2 ? 0x00200000u << e : static_cast<uint32_t>(e - 1) << 23);
}

}  // namespace
}  // namespace whet::kernels
