// Exact f32 values of quantised rows, by each format's definition: embedding look-up and the
// reference of the kernel tests. Speed does not matter here; every product is rounded as ggml does.
#include <cstring>

#include "base/check.h"
#include "kernels/codebooks.h"
#include "kernels/dequantize_lattice.h"
#include "kernels/f16.h"
#include "kernels/kernels.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

using kernels::dequantize;  // of lattices; those below would hide them

/// 6-bit scale and min of group g in the 12 bytes of Q4_K and Q5_K.
struct ScaleMin {
  int scale, min;
};
ScaleMin scale_min(const uint8_t* s, int g) {
  if (g < 4) return {s[g] & 63, s[g + 4] & 63};
  return {(s[g + 4] & 15) | (s[g - 4] >> 6) << 4, (s[g + 4] >> 4) | (s[g] >> 6) << 4};
}

void dequantize(const BlockQ4_0& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int i = 0; i < 16; ++i) {
    x[i] = d * static_cast<float>((b.qs[i] & 15) - 8);
    x[i + 16] = d * static_cast<float>((b.qs[i] >> 4) - 8);
  }
}

void dequantize(const BlockQ4_1& b, float* x) {
  const float d = f32_from_f16_bits(b.d), m = f32_from_f16_bits(b.m);
  for (int i = 0; i < 16; ++i) {
    x[i] = d * static_cast<float>(b.qs[i] & 15) + m;
    x[i + 16] = d * static_cast<float>(b.qs[i] >> 4) + m;
  }
}

/// Five-bit code of weight i.
int five_bits(const uint8_t* qh, const uint8_t* qs, int i) {
  const int low = i < 16 ? qs[i] & 15 : qs[i - 16] >> 4;
  return low | (qh[i / 8] >> (i % 8) & 1) << 4;
}
void dequantize(const BlockQ5_0& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int i = 0; i < 32; ++i) x[i] = d * static_cast<float>(five_bits(b.qh, b.qs, i) - 16);
}
void dequantize(const BlockQ5_1& b, float* x) {
  const float d = f32_from_f16_bits(b.d), m = f32_from_f16_bits(b.m);
  for (int i = 0; i < 32; ++i) x[i] = d * static_cast<float>(five_bits(b.qh, b.qs, i)) + m;
}

void dequantize(const BlockIQ4_NL& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int i = 0; i < 16; ++i) {
    x[i] = d * static_cast<float>(kIq4nlValues[b.qs[i] & 15]);
    x[i + 16] = d * static_cast<float>(kIq4nlValues[b.qs[i] >> 4]);
  }
}
void dequantize(const BlockMXFP4& b, float* x) {
  const float d = mxfp4_scale(b.e);
  for (int i = 0; i < 16; ++i) {
    x[i] = d * static_cast<float>(kMxfp4Values[b.qs[i] & 15]);
    x[i + 16] = d * static_cast<float>(kMxfp4Values[b.qs[i] >> 4]);
  }
}

void dequantize(const BlockQ8_0& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int i = 0; i < 32; ++i) x[i] = d * static_cast<float>(b.qs[i]);
}

void dequantize(const BlockA8& b, float* x) {
  const float d = f32_from_f16_bits(b.d), m = f32_from_f16_bits(b.m);
  for (int i = 0; i < 32; ++i) x[i] = d * static_cast<float>(b.qs[i] + 128) + m;
}

void dequantize(const BlockQ2_K& b, float* x) {
  const float d = f32_from_f16_bits(b.d), d_min = f32_from_f16_bits(b.dmin);
  for (int i = 0; i < 256; ++i) {
    const int q = b.qs[i / 128 * 32 + i % 32] >> (2 * (i / 32 % 4)) & 3;
    const float scale = d * static_cast<float>(b.scales[i / 16] & 15);
    const float min = d_min * static_cast<float>(b.scales[i / 16] >> 4);
    x[i] = scale * static_cast<float>(q) - min;
  }
}

/// Scale g of Q3_K: low four bits in bytes 0..7, high two in bytes 8..11, minus 32.
int q3_k_scale(const uint8_t* s, int g) {
  const int low = g < 8 ? s[g] & 15 : s[g - 8] >> 4;
  return (low | (s[8 + g % 4] >> (2 * (g / 4)) & 3) << 4) - 32;
}
void dequantize(const BlockQ3_K& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int i = 0; i < 256; ++i) {
    const int low = b.qs[i / 128 * 32 + i % 32] >> (2 * (i / 32 % 4)) & 3;
    const int high = b.hmask[i % 32] >> (i / 32) & 1;
    const float scale = d * static_cast<float>(q3_k_scale(b.scales, i / 16));
    x[i] = scale * static_cast<float>((low | high << 2) - 4);
  }
}

/// Q4_K and Q5_K; high_bits is nullptr or the 32 bytes of fifth bits.
void dequantize_k45(uint16_t d16, uint16_t dmin16, const uint8_t* scales, const uint8_t* qs,
                    const uint8_t* high_bits, float* x) {
  const float d = f32_from_f16_bits(d16), d_min = f32_from_f16_bits(dmin16);
  for (int g = 0; g < 8; ++g) {
    const ScaleMin s = scale_min(scales, g);
    const float scale = d * static_cast<float>(s.scale);
    const float min = d_min * static_cast<float>(s.min);
    for (int l = 0; l < 32; ++l) {
      const int byte = qs[g / 2 * 32 + l];
      int q = g % 2 == 0 ? byte & 15 : byte >> 4;
      if (high_bits != nullptr) q |= (high_bits[l] >> g & 1) << 4;
      x[32 * g + l] = scale * static_cast<float>(q) - min;
    }
  }
}
void dequantize(const BlockQ4_K& b, float* x) {
  dequantize_k45(b.d, b.dmin, b.scales, b.qs, nullptr, x);
}
void dequantize(const BlockQ5_K& b, float* x) {
  dequantize_k45(b.d, b.dmin, b.scales, b.qs, b.qh, x);
}

void dequantize(const BlockQ6_K& b, float* x) {
  const float d = f32_from_f16_bits(b.d);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, quarter = i / 32 % 4, l = i % 32;
    const int byte = b.ql[64 * half + 32 * (quarter % 2) + l];
    const int low = quarter < 2 ? byte & 15 : byte >> 4;
    const int high = b.qh[32 * half + l] >> (2 * quarter) & 3;
    const float scale = d * static_cast<float>(b.scales[i / 16]);
    x[i] = scale * static_cast<float>((low | high << 4) - 32);
  }
}

template <class Block>
void dequantize_blocks(const void* src, float* dst, size_t n, size_t block_elements) {
  const auto* bytes = static_cast<const uint8_t*>(src);
  for (size_t i = 0; i < n; i += block_elements, bytes += sizeof(Block)) {
    Block block;  // a copy, because rows in a file are not aligned
    std::memcpy(&block, bytes, sizeof(Block));
    dequantize(block, dst + i);
  }
}

}  // namespace

void dequantize_row(DType type, const void* src, float* dst, size_t n) {
  const auto* bytes = static_cast<const uint8_t*>(src);
  switch (type) {
    case DType::F32:
      std::memcpy(dst, src, n * sizeof(float));
      return;
    case DType::F16:
      for (size_t i = 0; i < n; ++i) dst[i] = f32_from_f16_bits(load_as<uint16_t>(bytes + 2 * i));
      return;
    case DType::BF16:
      for (size_t i = 0; i < n; ++i) dst[i] = f32_from_bf16_bits(load_as<uint16_t>(bytes + 2 * i));
      return;
    case DType::Q4_0:
      return dequantize_blocks<BlockQ4_0>(src, dst, n, 32);
    case DType::Q4_1:
      return dequantize_blocks<BlockQ4_1>(src, dst, n, 32);
    case DType::Q5_0:
      return dequantize_blocks<BlockQ5_0>(src, dst, n, 32);
    case DType::Q5_1:
      return dequantize_blocks<BlockQ5_1>(src, dst, n, 32);
    case DType::Q8_0:
      return dequantize_blocks<BlockQ8_0>(src, dst, n, 32);
    case DType::IQ4_NL:
      return dequantize_blocks<BlockIQ4_NL>(src, dst, n, 32);
    case DType::MXFP4:
      return dequantize_blocks<BlockMXFP4>(src, dst, n, 32);
    case DType::Q2_K:
      return dequantize_blocks<BlockQ2_K>(src, dst, n, 256);
    case DType::Q3_K:
      return dequantize_blocks<BlockQ3_K>(src, dst, n, 256);
    case DType::Q4_K:
      return dequantize_blocks<BlockQ4_K>(src, dst, n, 256);
    case DType::Q5_K:
      return dequantize_blocks<BlockQ5_K>(src, dst, n, 256);
    case DType::Q6_K:
      return dequantize_blocks<BlockQ6_K>(src, dst, n, 256);
    case DType::IQ4_XS:
      return dequantize_blocks<BlockIQ4_XS>(src, dst, n, 256);
    case DType::IQ3_S:
      return dequantize_blocks<BlockIQ3_S>(src, dst, n, 256);
    case DType::IQ3_XXS:
      return dequantize_blocks<BlockIQ3_XXS>(src, dst, n, 256);
    case DType::IQ2_S:
      return dequantize_blocks<BlockIQ2_S>(src, dst, n, 256);
    case DType::IQ2_XS:
      return dequantize_blocks<BlockIQ2_XS>(src, dst, n, 256);
    case DType::IQ2_XXS:
      return dequantize_blocks<BlockIQ2_XXS>(src, dst, n, 256);
    case DType::IQ1_M:
      return dequantize_blocks<BlockIQ1_M>(src, dst, n, 256);
    case DType::IQ1_S:
      return dequantize_blocks<BlockIQ1_S>(src, dst, n, 256);
    case DType::TQ1_0:
      return dequantize_blocks<BlockTQ1_0>(src, dst, n, 256);
    case DType::TQ2_0:
      return dequantize_blocks<BlockTQ2_0>(src, dst, n, 256);
    case DType::NVFP4:
      return dequantize_blocks<BlockNVFP4>(src, dst, n, 64);
    case DType::Q1_0:
      return dequantize_blocks<BlockQ1_0>(src, dst, n, 128);
    case DType::Q2_0:
      return dequantize_blocks<BlockQ2_0>(src, dst, n, 64);
    case DType::A8:
      return dequantize_blocks<BlockA8>(src, dst, n, 32);
    case DType::F8_E4M3:
    case DType::F8_E5M2:
    case DType::U8:
    case DType::I8:
    case DType::U32:
    case DType::I32:
    case DType::I64:
      break;  // no weights by themselves
  }
  WHET_UNREACHABLE();
}

}  // namespace whet::kernels
