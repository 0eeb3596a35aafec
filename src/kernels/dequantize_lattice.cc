#include "kernels/dequantize_lattice.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/codebooks.h"
#include "kernels/f16.h"
#include "kernels/grids.h"

namespace whet::kernels {
namespace {

constexpr float kIq2Values[4] = {8, 25, 43, 0};
constexpr float kIq3xxsValues[8] = {4, 12, 20, 28, 36, 44, 52, 62};
constexpr float kIq3sValues[8] = {1, 3, 5, 7, 9, 11, 13, 15};

uint32_t load_u32(const uint8_t* bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}
uint16_t load_u16(const uint8_t* bytes) {
  uint16_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

/// One of the 128 sign patterns: seven bits, and an eighth that makes their number even.
uint32_t even_signs(uint32_t seven) {
  return seven | static_cast<uint32_t>(std::popcount(seven) & 1) << 7;
}
float signed_as(float x, uint32_t signs, int i) {
  return (signs >> i & 1) != 0 ? -x : x;
}

/// x[i] = scale * point[i] with the signs; a point of eight coordinates of two bits.
void put_iq2(uint16_t point, float scale, uint32_t signs, float* x) {
  for (int i = 0; i < 8; ++i) x[i] = signed_as(scale * kIq2Values[point >> (2 * i) & 3], signs, i);
}
/// Four coordinates of three bits; the signs begin at bit `first`.
void put_iq3(uint16_t point, const float* values, float scale, uint32_t signs, int first,
             float* x) {
  for (int i = 0; i < 4; ++i) {
    x[i] = signed_as(scale * values[point >> (3 * i) & 7], signs, first + i);
  }
}
void put_iq1(uint16_t point, float scale, bool minus, float* x) {
  const float delta = minus ? -0.125f : 0.125f;
  for (int i = 0; i < 8; ++i) {
    x[i] = scale * (static_cast<float>((point >> (2 * i) & 3) - 1) + delta);
  }
}

/// E4M3 whose sign is not used; the code of NaN stands for nothing.
float e4m3_magnitude(uint8_t e) {
  if (e == 0x7f) return 0;
  const int exponent = e >> 3 & 15, mantissa = e & 7;
  return exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                       : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
}

}  // namespace

void dequantize(const BlockIQ4_XS& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int g = 0; g < 8; ++g) {
    const int low = b.scales_l[g / 2] >> (4 * (g % 2)) & 15, high = b.scales_h >> (2 * g) & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    for (int i = 0; i < 16; ++i) {
      const uint8_t codes = b.qs[16 * g + i];
      x[32 * g + i] = scale * static_cast<float>(kIq4nlValues[codes & 15]);
      x[32 * g + 16 + i] = scale * static_cast<float>(kIq4nlValues[codes >> 4]);
    }
  }
}

void dequantize(const BlockIQ3_S& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int g = 0; g < 8; ++g) {
    const float scale = d * static_cast<float>(1 + 2 * (b.scales[g / 2] >> (4 * (g % 2)) & 15));
    for (int j = 0; j < 8; ++j) {
      const int index = b.qs[8 * g + j] | (b.qh[g] >> j & 1) << 8;
      put_iq3(kIq3sGrid[index], kIq3sValues, scale, b.signs[4 * g + j / 2], 4 * (j % 2),
              x + 32 * g + 4 * j);
    }
  }
}

void dequantize(const BlockIQ3_XXS& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int g = 0; g < 8; ++g) {
    const uint32_t word = load_u32(b.signs_scale + 4 * g);
    const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.5f;
    for (int j = 0; j < 8; ++j) {
      const uint32_t signs = even_signs(word >> (7 * (j / 2)) & 127);
      put_iq3(kIq3xxsGrid[b.qs[8 * g + j]], kIq3xxsValues, scale, signs, 4 * (j % 2),
              x + 32 * g + 4 * j);
    }
  }
}

void dequantize(const BlockIQ2_S& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int j = 0; j < 32; ++j) {
    const int four = b.scales[j / 4] >> (4 * (j / 2 % 2)) & 15;
    const float scale = d * (0.5f + static_cast<float>(four)) * 0.25f;
    const int index = b.qs[j] | (b.qh[j / 4] >> (2 * (j % 4)) & 3) << 8;
    put_iq2(kIq2sGrid[index], scale, b.signs[j], x + 8 * j);
  }
}

void dequantize(const BlockIQ2_XS& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int j = 0; j < 32; ++j) {
    const int four = b.scales[j / 4] >> (4 * (j / 2 % 2)) & 15;
    const float scale = d * (0.5f + static_cast<float>(four)) * 0.25f;
    put_iq2(kIq2xsGrid[b.qs[j] & 511], scale, even_signs(b.qs[j] >> 9), x + 8 * j);
  }
}

void dequantize(const BlockIQ2_XXS& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int g = 0; g < 8; ++g) {
    const uint32_t word = load_u32(b.qs + 8 * g + 4);
    const float scale = d * (0.5f + static_cast<float>(word >> 28)) * 0.25f;
    for (int j = 0; j < 4; ++j) {
      put_iq2(kIq2xxsGrid[b.qs[8 * g + j]], scale, even_signs(word >> (7 * j) & 127),
              x + 32 * g + 8 * j);
    }
  }
}

void dequantize(const BlockIQ1_M& b, float* x) {
  uint16_t words[4], d16 = 0;
  for (int i = 0; i < 4; ++i) {
    words[i] = load_u16(b.scales + 2 * i);
    d16 = static_cast<uint16_t>(d16 | (words[i] >> 12) << (4 * i));
  }
  const float d = f32_from_f16_bits(d16);
  for (int j = 0; j < 32; ++j) {
    const int three = words[j / 8] >> (3 * (j / 2 % 4)) & 7;
    const int high = b.qh[j / 2] >> (4 * (j % 2)) & 15;
    put_iq1(kIq1sGrid[b.qs[j] | (high & 7) << 8], d * static_cast<float>(2 * three + 1),
            (high & 8) != 0, x + 8 * j);
  }
}

void dequantize(const BlockIQ1_S& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int j = 0; j < 32; ++j) {
    const int word = b.qh[j / 4];
    const int index = b.qs[j] | (word >> (3 * (j % 4)) & 7) << 8;
    put_iq1(kIq1sGrid[index], d * static_cast<float>(2 * (word >> 12 & 7) + 1),
            (word & 0x8000) != 0, x + 8 * j);
  }
}

void dequantize(const BlockTQ1_0& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  // Digit n of base 3, the first in the highest place: byte * 3^n modulo 256, times 3 / 256.
  constexpr uint8_t kPowers[5] = {1, 3, 9, 27, 81};
  const auto digits = [&](const uint8_t* bytes, int n_bytes, int n_digits) {
    for (int n = 0; n < n_digits; ++n) {
      for (int i = 0; i < n_bytes; ++i) {
        const auto shifted = static_cast<uint8_t>(bytes[i] * kPowers[n]);
        *x++ = d * static_cast<float>((shifted * 3 >> 8) - 1);
      }
    }
  };
  digits(b.qs, 32, 5);
  digits(b.qs + 32, 16, 5);
  digits(b.qh, 4, 4);
}

void dequantize(const BlockTQ2_0& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int i = 0; i < 256; ++i) {
    const int q = b.qs[i / 128 * 32 + i % 32] >> (2 * (i / 32 % 4)) & 3;
    x[i] = d * static_cast<float>(q - 1);
  }
}

void dequantize(const BlockNVFP4& b, float* x) {
  for (int g = 0; g < 4; ++g) {
    const float d = e4m3_magnitude(b.d[g]) * 0.5f;
    for (int i = 0; i < 8; ++i) {
      x[16 * g + i] = d * static_cast<float>(kMxfp4Values[b.qs[8 * g + i] & 15]);
      x[16 * g + 8 + i] = d * static_cast<float>(kMxfp4Values[b.qs[8 * g + i] >> 4]);
    }
  }
}

void dequantize(const BlockQ1_0& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int i = 0; i < 128; ++i) x[i] = (b.qs[i / 8] >> (i % 8) & 1) != 0 ? d : -d;
}

void dequantize(const BlockQ2_0& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int i = 0; i < 64; ++i) {
    x[i] = d * static_cast<float>((b.qs[i / 4] >> (2 * (i % 4)) & 3) - 1);
  }
}

}  // namespace whet::kernels
