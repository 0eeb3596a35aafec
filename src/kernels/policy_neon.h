// AArch64 with NEON, with and without the dot instructions of Armv8.2 (dotprod). Codes below 128
// are signed bytes too, so that one product of signed bytes serves unsigned and signed codes.
#pragma once

#include <arm_neon.h>

#include "kernels/simd.h"

namespace whet::kernels {
namespace {

struct NeonBase {
  static constexpr int kLanes = 4;
  static constexpr bool kWideDot = true;
  // Untimed. Of 32 registers two panels x 6 tokens take 24 for sums.
  static constexpr int kFusedTokens = 4;
  static constexpr int kTileTokens = 6;
  static constexpr int kSignedTileTokens = 6;
  // 24 sums, 6 vectors of activations and one of weights of 32 registers.
  static constexpr int kFloatTileRows = 4;
  static constexpr int kFloatTileVectors = 6;
  static constexpr int kFusedFloatTokens = 4;
  static constexpr int kFloatSums = 24;
  using FloatColumns = NeonBase;
  using vi = int32x4_t;
  using vf = float32x4_t;

  static WHET_INLINE uint32x4_t as_u(vi a) { return vreinterpretq_u32_s32(a); }
  static WHET_INLINE vi as_i(uint32x4_t a) { return vreinterpretq_s32_u32(a); }

  static WHET_INLINE vi zero_i() { return vdupq_n_s32(0); }
  static WHET_INLINE vf zero_f() { return vdupq_n_f32(0.0f); }
  static WHET_INLINE vi load_i(const void* p) {
    return vreinterpretq_s32_u8(vld1q_u8(static_cast<const uint8_t*>(p)));
  }
  static WHET_INLINE void store_i(void* p, vi v) {
    vst1q_u8(static_cast<uint8_t*>(p), vreinterpretq_u8_s32(v));
  }
  static WHET_INLINE vf load_f(const float* p) { return vld1q_f32(p); }
  static WHET_INLINE void store_f(float* p, vf v) { vst1q_f32(p, v); }
  static WHET_INLINE vf held(vf v) { return v; }
  static WHET_INLINE vi set1_i(uint32_t x) { return as_i(vdupq_n_u32(x)); }
  static WHET_INLINE vf set1_f(float x) { return vdupq_n_f32(x); }
  static WHET_INLINE vi broadcast4(const void* p) { return set1_i(load_as<uint32_t>(p)); }
  /// Volatile, or the compiler gathers all prefetches of a block in one burst at its start.
  static WHET_INLINE void prefetch(const void* p) {
    __asm__ volatile("prfm pldl2keep, %0" : : "Q"(*static_cast<const char*>(p)));
  }
  static WHET_INLINE void transpose16(const uint8_t* p, size_t stride, vi* out) {
    const vi a = load_i(p), b = load_i(p + stride);
    const vi c = load_i(p + 2 * stride), d = load_i(p + 3 * stride);
    const int64x2_t ab02 = vreinterpretq_s64_s32(vtrn1q_s32(a, b));
    const int64x2_t ab13 = vreinterpretq_s64_s32(vtrn2q_s32(a, b));
    const int64x2_t cd02 = vreinterpretq_s64_s32(vtrn1q_s32(c, d));
    const int64x2_t cd13 = vreinterpretq_s64_s32(vtrn2q_s32(c, d));
    out[0] = vreinterpretq_s32_s64(vtrn1q_s64(ab02, cd02));
    out[1] = vreinterpretq_s32_s64(vtrn1q_s64(ab13, cd13));
    out[2] = vreinterpretq_s32_s64(vtrn2q_s64(ab02, cd02));
    out[3] = vreinterpretq_s32_s64(vtrn2q_s64(ab13, cd13));
  }
  static WHET_INLINE void zip4(const vi* rows, vi* out) {
    int8x16_t r[4];
    unroll<4>([&](auto i) WHET_LAMBDA { r[i] = vreinterpretq_s8_s32(rows[i]); });
    const int16x8_t ab_low = vreinterpretq_s16_s8(vzip1q_s8(r[0], r[1]));
    const int16x8_t ab_high = vreinterpretq_s16_s8(vzip2q_s8(r[0], r[1]));
    const int16x8_t cd_low = vreinterpretq_s16_s8(vzip1q_s8(r[2], r[3]));
    const int16x8_t cd_high = vreinterpretq_s16_s8(vzip2q_s8(r[2], r[3]));
    out[0] = vreinterpretq_s32_s16(vzip1q_s16(ab_low, cd_low));
    out[1] = vreinterpretq_s32_s16(vzip2q_s16(ab_low, cd_low));
    out[2] = vreinterpretq_s32_s16(vzip1q_s16(ab_high, cd_high));
    out[3] = vreinterpretq_s32_s16(vzip2q_s16(ab_high, cd_high));
  }

  static WHET_INLINE vi bit_and(vi a, vi b) { return vandq_s32(a, b); }
  static WHET_INLINE vi bit_or(vi a, vi b) { return vorrq_s32(a, b); }
  static WHET_INLINE vi bit_xor(vi a, vi b) { return veorq_s32(a, b); }
  /// Operators, because the intrinsic refuses to shift right by zero.
  template <int N>
  static WHET_INLINE vi shift_right(vi a) {
    return as_i(as_u(a) >> N);
  }
  template <int N>
  static WHET_INLINE vi shift_left(vi a) {
    return as_i(as_u(a) << N);
  }
  template <int N>
  static WHET_INLINE vi shift_right32(vi a) {
    return shift_right<N>(a);
  }
  template <int N>
  static WHET_INLINE vi shift_left32(vi a) {
    return shift_left<N>(a);
  }
  static WHET_INLINE vi lookup16(const int8_t* table, vi codes) {
    return vreinterpretq_s32_s8(vqtbl1q_s8(vld1q_s8(table), vreinterpretq_u8_s32(codes)));
  }

  static WHET_INLINE vi add32(vi a, vi b) { return vaddq_s32(a, b); }
  static WHET_INLINE vi mul32(vi a, vi b) { return vmulq_s32(a, b); }
  static WHET_INLINE uint32_t sign_bits(vi a) {
    const uint32x4_t weights = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(as_u(vshrq_n_s32(a, 31)), weights));
  }
  /// Bytes A, B, C, D of every dword (or zero: 0x80) in its four places.
  template <int A, int B, int C, int D>
  static WHET_INLINE vi shuffle_dwords(vi v) {
    const uint8x16_t order = {A,     B,     C,     D,     A + 4,  B + 4,  C + 4,  D + 4,
                              A + 8, B + 8, C + 8, D + 8, A + 12, B + 12, C + 12, D + 12};
    return vreinterpretq_s32_u8(vqtbl1q_u8(vreinterpretq_u8_s32(v), order));
  }
  template <int B>
  static WHET_INLINE vi scale_u8(vi a) {
    return shuffle_dwords<B, 0x80, 0x80, 0x80>(a);
  }
  template <int B>
  static WHET_INLINE vi scale_s8(vi a) {
    return vshrq_n_s32(shift_left<24 - 8 * B>(a), 24);
  }
  static WHET_INLINE vi madd16(vi a, vi b) {
    const int16x8_t x = vreinterpretq_s16_s32(a), y = vreinterpretq_s16_s32(b);
    return vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y));
  }
  template <int P>
  static WHET_INLINE vi byte_pair(vi a) {
    return shuffle_dwords<2 * P, 0x80, 2 * P + 1, 0x80>(a);
  }
  static WHET_INLINE vi mul_scale(vi acc, vi scale) { return vmulq_s32(acc, scale); }
  static WHET_INLINE vi widen(vi acc) { return acc; }

  using SignedWeights = vi;
  static WHET_INLINE vi prepare_signed(vi w) { return w; }
  static WHET_INLINE SignedWeights signed_weights(vi w) { return w; }
  static WHET_INLINE vi signed_start(const int32_t*) { return zero_i(); }

  static WHET_INLINE vf to_float(vi a) { return vcvtq_f32_s32(a); }
  static WHET_INLINE vf as_float(vi a) { return vreinterpretq_f32_s32(a); }
  static WHET_INLINE vf add(vf a, vf b) { return vaddq_f32(a, b); }
  static WHET_INLINE vf sub(vf a, vf b) { return vsubq_f32(a, b); }
  static WHET_INLINE vf mul(vf a, vf b) { return vmulq_f32(a, b); }
  static WHET_INLINE vf div(vf a, vf b) { return vdivq_f32(a, b); }
  static WHET_INLINE vf fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
  static WHET_INLINE vf fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
  /// Not FMAX and FMIN, which treat NaN and zeros of both signs otherwise.
  static WHET_INLINE vf max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  static WHET_INLINE vf min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
  static WHET_INLINE vf abs(vf a) { return vabsq_f32(a); }
  static WHET_INLINE vi round_to_int(vf a) { return vcvtnq_s32_f32(a); }

  static WHET_INLINE vf float_of_f16(uint16x4_t a) { return vcvt_f32_f16(vreinterpret_f16_u16(a)); }
  template <int Half>
  static WHET_INLINE vf f16_half(vi a) {
    return float_of_f16(vmovn_u32(as_u(a) >> (16 * Half)));
  }
  static WHET_INLINE vi load_dword_rows(const uint8_t* p, size_t stride) {
    return vi{load_as<int32_t>(p), load_as<int32_t>(p + stride), load_as<int32_t>(p + 2 * stride),
              load_as<int32_t>(p + 3 * stride)};
  }
  static WHET_INLINE vi load_bytes(const uint8_t* p) { return vi{p[0], p[1], p[2], p[3]}; }
  static WHET_INLINE vf load_f16_rows(const uint8_t* p, size_t stride) {
    return float_of_f16(uint16x4_t{load_as<uint16_t>(p), load_as<uint16_t>(p + stride),
                                   load_as<uint16_t>(p + 2 * stride),
                                   load_as<uint16_t>(p + 3 * stride)});
  }
  static WHET_INLINE vf load_f16(const uint16_t* p) { return float_of_f16(vld1_u16(p)); }
  static WHET_INLINE void store_f16(uint16_t* p, vf a) {
    vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(a)));
  }
  static WHET_INLINE vf load_bf16(const uint16_t* p) {
    return as_float(as_i(vshll_n_u16(vld1_u16(p), 16)));
  }
  static WHET_INLINE vf load_i8(const int8_t* p) {
    const int16x8_t words = vmovl_s8(vcreate_s8(load_as<uint32_t>(p)));
    return to_float(vmovl_s16(vget_low_s16(words)));
  }
  static WHET_INLINE void store_low_bytes(int8_t* p, vi a) {
    const int16x4_t words = vmovn_s32(a);
    const int8x8_t bytes = vmovn_s16(vcombine_s16(words, words));
    const int32_t four = vget_lane_s32(vreinterpret_s32_s8(bytes), 0);
    std::memcpy(p, &four, sizeof(four));
  }
};

struct Neon : NeonBase {
  static WHET_INLINE int8x16_t quad(const int8_t* p) { return vreinterpretq_s8_s32(broadcast4(p)); }
  /// The sum of two products fits 16 bits: 2 * 128 * 127.
  static WHET_INLINE vi dot(vi acc, vi w, int8x16_t x) {
    const int8x16_t codes = vreinterpretq_s8_s32(w);
    const int16x8_t low = vmull_s8(vget_low_s8(codes), vget_low_s8(x));
    return vpadalq_s16(acc, vpaddq_s16(low, vmull_high_s8(codes, x)));
  }
  static WHET_INLINE vi dot_signed(vi acc, SignedWeights w, int8x16_t x) { return dot(acc, w, x); }
};

#ifdef __ARM_FEATURE_DOTPROD
struct NeonDotprod : NeonBase {
  /// A scalar load: the instruction broadcasts a lane itself.
  static WHET_INLINE int8x8_t quad(const int8_t* p) { return vcreate_s8(load_as<uint32_t>(p)); }
  static WHET_INLINE vi dot(vi acc, vi w, int8x8_t x) {
    return vdotq_lane_s32(acc, vreinterpretq_s8_s32(w), x, 0);
  }
  static WHET_INLINE vi dot_signed(vi acc, SignedWeights w, int8x8_t x) { return dot(acc, w, x); }
};
#endif

}  // namespace
}  // namespace whet::kernels
