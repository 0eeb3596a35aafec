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

/// 256 weights in 8 groups of 32, x = d * (scale - 32) * kIq4nlValues[q]; the scale of group g has
/// its low four bits in scales_l, its high two in scales_h.
struct BlockIQ4_XS {
  uint16_t d;  // f16
  uint16_t scales_h;
  uint8_t scales_l[4];
  uint8_t qs[128];
};
static_assert(sizeof(BlockIQ4_XS) == 136);

/// The IQ2 and IQ3 types: x = d * scale * point[i] * sign[i]; each 8 (IQ3: 4) weights are a point
/// of a lattice, whose index the codes are. 256 weights in groups of 32; a group's signs are 4 of
/// 128 patterns with an even number of minuses, or (the S types) a bit each.
struct BlockIQ3_S {
  uint16_t d;  // f16
  uint8_t qs[64];
  uint8_t qh[8];  // ninth bits
  uint8_t signs[32];
  uint8_t scales[4];  // 4 bits each, of 32
};
static_assert(sizeof(BlockIQ3_S) == 110);
struct BlockIQ3_XXS {
  uint16_t d;  // f16
  uint8_t qs[64];
  uint8_t signs_scale[32];  // of each group a u32: 4 * 7 bits of signs, 4 of scale
};
static_assert(sizeof(BlockIQ3_XXS) == 98);
struct BlockIQ2_S {
  uint16_t d;  // f16
  uint8_t qs[32];
  uint8_t signs[32];
  uint8_t qh[8];      // bits 8 and 9
  uint8_t scales[8];  // 4 bits each, of 16
};
static_assert(sizeof(BlockIQ2_S) == 82);
struct BlockIQ2_XS {
  uint16_t d;       // f16
  uint16_t qs[32];  // 9 bits of index, 7 of signs
  uint8_t scales[8];
};
static_assert(sizeof(BlockIQ2_XS) == 74);
struct BlockIQ2_XXS {
  uint16_t d;      // f16
  uint8_t qs[64];  // of each group 4 indices and a u32 as in IQ3_XXS
};
static_assert(sizeof(BlockIQ2_XXS) == 66);

/// The IQ1 types: x = d * scale * (point[i] + delta), delta = 1/8 or -1/8, points of {-1, 0, 1}^8.
struct BlockIQ1_M {
  uint8_t qs[32];
  uint8_t qh[16];     // of each 8 weights: three high bits, and whether delta is negative
  uint8_t scales[8];  // four u16: 4 * 3 bits of scales of 16; the top bits are those of d, an f16
};
static_assert(sizeof(BlockIQ1_M) == 56);
struct BlockIQ1_S {
  uint16_t d;  // f16
  uint8_t qs[32];
  uint16_t qh[8];  // of each 32: 4 * 3 high bits, 3 of scale, whether delta is negative
};
static_assert(sizeof(BlockIQ1_S) == 50);

/// 256 weights of {-1, 0, 1} times d, five to a byte as digits of base 3.
struct BlockTQ1_0 {
  uint8_t qs[48];
  uint8_t qh[4];
  uint16_t d;  // f16
};
static_assert(sizeof(BlockTQ1_0) == 54);
/// The same with two bits each, x = d * (q - 1).
struct BlockTQ2_0 {
  uint8_t qs[64];
  uint16_t d;  // f16
};
static_assert(sizeof(BlockTQ2_0) == 66);

/// 64 weights in 4 groups of 16, x = d / 2 * kMxfp4Values[q]; d is E4M3 without a sign.
struct BlockNVFP4 {
  uint8_t d[4];
  uint8_t qs[32];
};
static_assert(sizeof(BlockNVFP4) == 36);

/// 128 weights, x = d where bit i is set, else -d.
struct BlockQ1_0 {
  uint16_t d;  // f16
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ1_0) == 18);

/// 64 weights, x = d * (q - 1), two bits each.
struct BlockQ2_0 {
  uint16_t d;  // f16
  uint8_t qs[16];
};
static_assert(sizeof(BlockQ2_0) == 18);

/// 32 weights, x = d * (q + 128) + m. Ours: GGUF has no eight bits with a minimum, MLX has.
struct BlockA8 {
  uint16_t d, m;  // f16
  int8_t qs[32];
};
static_assert(sizeof(BlockA8) == 36);

}  // namespace whet
