#include "quantize/block_encoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "kernels/f16.h"
#include "quantize/scale_fit.h"
#include "tensor/blocks.h"

namespace whet {
namespace {

/// The nearest f16 that is finite: a scale that rounds to infinity would make every weight NaN.
uint16_t stored_f16(float x) {
  constexpr float kLargest = 65504.0f;
  return kernels::f16_bits_from_f32(std::clamp(x, -kLargest, kLargest));
}
float value_of(uint16_t f16) {
  return kernels::f32_from_f16_bits(f16);
}

/// Low nibbles are codes 0..15, high nibbles 16..31.
void pack_nibbles(const int8_t* codes, int bias, uint8_t* qs) {
  for (int i = 0; i < 16; ++i) {
    qs[i] = static_cast<uint8_t>(((codes[i] + bias) & 15) | ((codes[i + 16] + bias) & 15) << 4);
  }
}
void pack_fifth_bits(const int8_t* codes, int bias, uint8_t* qh) {
  uint32_t bits = 0;
  for (int i = 0; i < 32; ++i) bits |= static_cast<uint32_t>((codes[i] + bias) >> 4 & 1) << i;
  std::memcpy(qh, &bits, sizeof(bits));
}

void encode(const FitInput& in, BlockQ8_0& b) {
  float largest = 0;
  for (size_t i = 0; i < in.n; ++i) largest = std::max(largest, std::fabs(in.x[i]));
  b.d = stored_f16(largest / 127);
  encode_with(in, value_of(b.d), 0, -127, 127, b.qs);
}

template <int kBits, class Block>
void encode_symmetric(const FitInput& in, Block& b) {
  constexpr int kBias = 1 << (kBits - 1);
  int8_t codes[32];
  b.d = stored_f16(fit_symmetric(in, -kBias, kBias - 1).scale);
  encode_with(in, value_of(b.d), 0, -kBias, kBias - 1, codes);
  pack_nibbles(codes, kBias, b.qs);
  if constexpr (kBits == 5) pack_fifth_bits(codes, kBias, b.qh);
}
void encode(const FitInput& in, BlockQ4_0& b) {
  encode_symmetric<4>(in, b);
}
void encode(const FitInput& in, BlockQ5_0& b) {
  encode_symmetric<5>(in, b);
}

template <int kBits, class Block>
void encode_affine(const FitInput& in, Block& b) {
  constexpr int kHigh = (1 << kBits) - 1;
  const AffineFit fit = fit_affine(in, kHigh, false);
  int8_t codes[32];
  b.d = stored_f16(fit.scale);
  b.m = stored_f16(-fit.offset);
  encode_with(in, value_of(b.d), -value_of(b.m), 0, kHigh, codes);
  pack_nibbles(codes, 0, b.qs);
  if constexpr (kBits == 5) pack_fifth_bits(codes, 0, b.qh);
}
void encode(const FitInput& in, BlockQ4_1& b) {
  encode_affine<4>(in, b);
}
void encode(const FitInput& in, BlockQ5_1& b) {
  encode_affine<5>(in, b);
}

/// Rounds of "small scales for the large ones, large ones for the small": the second still helps,
/// a third does not.
constexpr int kRounds = 2;

/// Q4_K and Q5_K: 8 groups of 32, x ~ d * scale * code - d_min * min, scale and min of 6 bits.
struct K45 {
  uint16_t d = 0, d_min = 0;  // f16
  std::array<uint8_t, 8> scales{}, mins{};
  std::array<int8_t, 256> codes{};
  float error = 0;
};

int nearest(float x, int low, int high) {
  return static_cast<int>(
      std::clamp(std::nearbyint(x), static_cast<float>(low), static_cast<float>(high)));
}

/// The best 6-bit scale and min of group `g` near the present ones.
float refine_group(const FitInput& in, int high, K45& k, size_t g) {
  const float d = value_of(k.d), d_min = value_of(k.d_min);
  const int scale = k.scales[g], min = k.mins[g];
  float best = std::numeric_limits<float>::infinity();
  for (int s = std::max(scale - 1, 0); s <= std::min(scale + 1, 63); ++s) {
    for (int m = std::max(min - 1, 0); m <= std::min(min + 1, 63); ++m) {
      const float error = encode_with(in, d * static_cast<float>(s), d_min * static_cast<float>(m),
                                      0, high, nullptr);
      if (error < best) {
        best = error;
        k.scales[g] = static_cast<uint8_t>(s);
        k.mins[g] = static_cast<uint8_t>(m);
      }
    }
  }
  return encode_with(in, d * static_cast<float>(k.scales[g]), d_min * static_cast<float>(k.mins[g]),
                     0, high, k.codes.data() + 32 * g);
}

/// The d and d_min of least error for the present codes, scales and mins; false where there is no
/// single answer.
bool refit_block(const FitInput& in, K45& k) {
  double aa = 0, ab = 0, bb = 0, xa = 0, xb = 0;  // x ~ d * a - d_min * b
  for (size_t i = 0; i < 256; ++i) {
    const double a = double{1} * k.scales[i / 32] * k.codes[i], b = k.mins[i / 32];
    const double w = in.importance_of(i);
    aa += w * a * a;
    ab += w * a * b;
    bb += w * b * b;
    xa += w * double{in.x[i]} * a;
    xb += w * double{in.x[i]} * b;
  }
  const double determinant = aa * bb - ab * ab;
  double d = aa > 0 ? xa / aa : 0, d_min = 0;
  if (determinant > 1e-9 * aa * bb) {
    d = (xa * bb - xb * ab) / determinant;
    d_min = (xa * ab - xb * aa) / determinant;
  }
  if (!(d > 0) || d_min < 0) return false;
  k.d = stored_f16(static_cast<float>(d));
  k.d_min = stored_f16(static_cast<float>(d_min));
  return true;
}

K45 encode_k45(const FitInput& in, int high) {
  std::array<AffineFit, 8> fits;
  float largest_scale = 0, largest_offset = 0;
  for (size_t g = 0; g < 8; ++g) {
    fits[g] = fit_affine(in.part(32 * g, 32), high, true);
    largest_scale = std::max(largest_scale, fits[g].scale);
    largest_offset = std::max(largest_offset, fits[g].offset);
  }
  K45 k;
  k.d = stored_f16(largest_scale / 63);
  k.d_min = stored_f16(largest_offset / 63);
  const float d = value_of(k.d), d_min = value_of(k.d_min);
  for (size_t g = 0; g < 8; ++g) {
    k.scales[g] = static_cast<uint8_t>(d > 0 ? nearest(fits[g].scale / d, 0, 63) : 0);
    k.mins[g] = static_cast<uint8_t>(d_min > 0 ? nearest(fits[g].offset / d_min, 0, 63) : 0);
    k.error += refine_group(in.part(32 * g, 32), high, k, g);
  }
  for (int round = 0; round < kRounds; ++round) {
    K45 next = k;
    if (!refit_block(in, next)) break;
    next.error = 0;
    for (size_t g = 0; g < 8; ++g) next.error += refine_group(in.part(32 * g, 32), high, next, g);
    if (!(next.error < k.error)) break;
    k = next;
  }
  return k;
}

/// Groups 0-3: scale in bytes 0-3, min in 4-7, 6 low bits each. Groups 4-7: low nibbles together in
/// bytes 8-11, the high two bits on top of bytes 0-3 and 4-7.
void pack_k_scales(const K45& k, uint8_t* packed) {
  for (size_t g = 0; g < 4; ++g) {
    packed[g] = static_cast<uint8_t>(k.scales[g] | (k.scales[g + 4] >> 4) << 6);
    packed[g + 4] = static_cast<uint8_t>(k.mins[g] | (k.mins[g + 4] >> 4) << 6);
    packed[g + 8] = static_cast<uint8_t>((k.scales[g + 4] & 15) | (k.mins[g + 4] & 15) << 4);
  }
}
void pack_k_nibbles(const K45& k, uint8_t* qs) {
  for (size_t j = 0; j < 4; ++j) {
    for (size_t l = 0; l < 32; ++l) {
      qs[32 * j + l] =
          static_cast<uint8_t>((k.codes[64 * j + l] & 15) | (k.codes[64 * j + 32 + l] & 15) << 4);
    }
  }
}

void encode(const FitInput& in, BlockQ4_K& b) {
  const K45 k = encode_k45(in, 15);
  b.d = k.d;
  b.dmin = k.d_min;
  pack_k_scales(k, b.scales);
  pack_k_nibbles(k, b.qs);
}

void encode(const FitInput& in, BlockQ5_K& b) {
  const K45 k = encode_k45(in, 31);
  b.d = k.d;
  b.dmin = k.d_min;
  pack_k_scales(k, b.scales);
  pack_k_nibbles(k, b.qs);
  std::memset(b.qh, 0, sizeof(b.qh));
  for (size_t i = 0; i < 256; ++i) {
    b.qh[i % 32] = static_cast<uint8_t>(b.qh[i % 32] | (k.codes[i] >> 4 & 1) << (i / 32));
  }
}

/// 16 groups of 16, x ~ d * scale * code, scale of 8 bits with sign.
struct K6 {
  uint16_t d = 0;  // f16
  std::array<int8_t, 16> scales{};
  std::array<int8_t, 256> codes{};  // -32..31
  float error = 0;
};

float refine_group(const FitInput& in, K6& k, size_t g) {
  const float d = value_of(k.d);
  const int scale = k.scales[g];
  float best = std::numeric_limits<float>::infinity();
  for (int s = std::max(scale - 1, -128); s <= std::min(scale + 1, 127); ++s) {
    const float error = encode_with(in, d * static_cast<float>(s), 0, -32, 31, nullptr);
    if (error < best) {
      best = error;
      k.scales[g] = static_cast<int8_t>(s);
    }
  }
  return encode_with(in, d * static_cast<float>(k.scales[g]), 0, -32, 31, k.codes.data() + 16 * g);
}

K6 encode_k6(const FitInput& in) {
  std::array<float, 16> scales;
  float extreme = 0;
  for (size_t g = 0; g < 16; ++g) {
    scales[g] = fit_symmetric(in.part(16 * g, 16), -32, 31).scale;
    if (std::fabs(scales[g]) > std::fabs(extreme)) extreme = scales[g];
  }
  K6 k;
  k.d = stored_f16(extreme / -128);
  const float d = value_of(k.d);
  for (size_t g = 0; g < 16; ++g) {
    k.scales[g] = static_cast<int8_t>(d != 0 ? nearest(scales[g] / d, -128, 127) : 0);
    k.error += refine_group(in.part(16 * g, 16), k, g);
  }
  for (int round = 0; round < kRounds; ++round) {
    double aa = 0, xa = 0;
    for (size_t i = 0; i < 256; ++i) {
      const double a = double{1} * k.scales[i / 16] * k.codes[i];
      const double w = in.importance_of(i);
      aa += w * a * a;
      xa += w * double{in.x[i]} * a;
    }
    if (!(aa > 0)) break;
    K6 next = k;
    next.d = stored_f16(static_cast<float>(xa / aa));
    next.error = 0;
    for (size_t g = 0; g < 16; ++g) next.error += refine_group(in.part(16 * g, 16), next, g);
    if (!(next.error < k.error)) break;
    k = next;
  }
  return k;
}

void encode(const FitInput& in, BlockQ6_K& b) {
  const K6 k = encode_k6(in);
  b.d = k.d;
  std::memcpy(b.scales, k.scales.data(), sizeof(b.scales));
  std::memset(b.ql, 0, sizeof(b.ql));
  std::memset(b.qh, 0, sizeof(b.qh));
  for (size_t i = 0; i < 256; ++i) {
    const int code = k.codes[i] + 32;
    const size_t half = i / 128, quarter = i / 32 % 4, l = i % 32;
    uint8_t& low = b.ql[64 * half + 32 * (quarter % 2) + l];
    low = static_cast<uint8_t>(low | (code & 15) << (quarter < 2 ? 0 : 4));
    uint8_t& high = b.qh[32 * half + l];
    high = static_cast<uint8_t>(high | (code >> 4) << (2 * quarter));
  }
}

template <class Block>
void encode_blocks(const FitInput& row, size_t block_elements, std::byte* dst) {
  WHET_CHECK(row.n % block_elements == 0);
  for (size_t i = 0; i < row.n; i += block_elements, dst += sizeof(Block)) {
    Block block;
    encode(row.part(i, block_elements), block);
    std::memcpy(dst, &block, sizeof(Block));
  }
}

template <class Convert>
void encode_halves(const float* x, size_t n, std::byte* dst, Convert convert) {
  for (size_t i = 0; i < n; ++i) {
    const uint16_t bits = convert(x[i]);
    std::memcpy(dst + 2 * i, &bits, sizeof(bits));
  }
}

}  // namespace

bool weighs_importance(DType type) {
  return can_encode(type) && !is_float(type) && type != DType::Q8_0;
}

bool can_encode(DType type) {
  switch (type) {
    case DType::F32:
    case DType::F16:
    case DType::BF16:
    case DType::Q8_0:
    case DType::Q4_0:
    case DType::Q4_1:
    case DType::Q5_0:
    case DType::Q5_1:
    case DType::Q4_K:
    case DType::Q5_K:
    case DType::Q6_K:
      return true;
    default:
      return false;
  }
}

void encode_row(DType type, const float* x, size_t n, std::byte* dst, const float* importance) {
  const FitInput row{x, importance, n};
  switch (type) {
    case DType::F32:
      std::memcpy(dst, x, n * sizeof(float));
      return;
    case DType::F16:
      return encode_halves(x, n, dst, [](float v) { return kernels::f16_bits_from_f32(v); });
    case DType::BF16:
      return encode_halves(x, n, dst, [](float v) { return kernels::bf16_bits_from_f32(v); });
    case DType::Q8_0:
      return encode_blocks<BlockQ8_0>(row, 32, dst);
    case DType::Q4_0:
      return encode_blocks<BlockQ4_0>(row, 32, dst);
    case DType::Q4_1:
      return encode_blocks<BlockQ4_1>(row, 32, dst);
    case DType::Q5_0:
      return encode_blocks<BlockQ5_0>(row, 32, dst);
    case DType::Q5_1:
      return encode_blocks<BlockQ5_1>(row, 32, dst);
    case DType::Q4_K:
      return encode_blocks<BlockQ4_K>(row, 256, dst);
    case DType::Q5_K:
      return encode_blocks<BlockQ5_K>(row, 256, dst);
    case DType::Q6_K:
      return encode_blocks<BlockQ6_K>(row, 256, dst);
    default:
      WHET_UNREACHABLE();
  }
}

}  // namespace whet
