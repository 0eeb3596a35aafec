// Quantised blocks exactly as they lie in GGUF files. Source: ggml's format, restated from the
// GGUF specification; x is the real value of weight i of the block.
#pragma once

#include <cstdint>

namespace whet {

/// 32 weights, x = d * (q - 8); low nibbles are weights 0..15, high nibbles 16..31.
struct BlockQ4_0 {
  uint16_t d;  // f16
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_0) == 18);

/// 32 weights, x = d * q + m.
struct BlockQ4_1 {
  uint16_t d, m;  // f16
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ4_1) == 20);

/// 32 weights, x = d * (q - 16); bit 4 of weight i is bit i of qh.
struct BlockQ5_0 {
  uint16_t d;  // f16
  uint8_t qh[4];
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_0) == 22);

/// 32 weights, x = d * q + m.
struct BlockQ5_1 {
  uint16_t d, m;  // f16
  uint8_t qh[4];
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ5_1) == 24);

/// 32 weights, x = d * q.
struct BlockQ8_0 {
  uint16_t d;  // f16
  int8_t qs[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

/// 256 weights in 16 groups, x = d * scale * q - dmin * min; scales[g] = scale | min << 4.
struct BlockQ2_K {
  uint8_t scales[16];
  uint8_t qs[64];
  uint16_t d, dmin;  // f16
};
static_assert(sizeof(BlockQ2_K) == 84);

/// 256 weights in 16 groups, x = d * (scale - 32) * (q - (high bit ? 0 : 4)).
struct BlockQ3_K {
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];  // 6 bits each
  uint16_t d;          // f16
};
static_assert(sizeof(BlockQ3_K) == 110);

/// 256 weights in 8 groups of 32, x = d * scale * q - dmin * min; qs[32*j+l] holds weight
/// 64*j+l in its low and 64*j+32+l in its high nibble; scales and mins are 6 bits, packed.
struct BlockQ4_K {
  uint16_t d, dmin;  // f16
  uint8_t scales[12];
  uint8_t qs[128];
};
static_assert(sizeof(BlockQ4_K) == 144);

/// Q4_K with a fifth bit: weight 64*j+l has it in bit 2*j of qh[l], 64*j+32+l in bit 2*j+1.
struct BlockQ5_K {
  uint16_t d, dmin;  // f16
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

/// 256 weights in 16 groups of 16, x = d * scale * (q - 32).
struct BlockQ6_K {
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;  // f16
};
static_assert(sizeof(BlockQ6_K) == 210);

/// 32 weights, x = d * kIq4nlValues[q].
struct BlockIQ4_NL {
  uint16_t d;  // f16
  uint8_t qs[16];
};
static_assert(sizeof(BlockIQ4_NL) == 18);

/// 32 weights, x = 2^(e-128) * kMxfp4Values[q] (values doubled, hence -128), OCP MX spec 1.0.
struct BlockMXFP4 {
  uint8_t e;
  uint8_t qs[16];
};
static_assert(sizeof(BlockMXFP4) == 17);

}  // namespace whet
