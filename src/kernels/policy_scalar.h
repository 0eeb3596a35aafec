// The reference policy: four lanes in the compiler's generic vectors, which every target can run.
// It documents what every policy function means; the others are tested to give the same bits.
#pragma once

#include "kernels/f16.h"
#include "kernels/simd.h"

namespace whet::kernels {
namespace {

struct Scalar {
  static constexpr int kLanes = 4;  // 32-bit lanes; lanes are rows of W
  // True: dot() adds four products to an int32 lane. False: pairs of products in int16 lanes that
  // wrap, so that a group's sum must fit 16 bits.
  static constexpr bool kWideDot = true;
  // Up to this many tokens codes are multiplied as they are unpacked, without a panel in memory.
  static constexpr int kFusedTokens = 0;
  // Tokens of a register tile of two panels, by family of formats. Small: nothing here is fast,
  // and every size is one more body to compile.
  static constexpr int kTileTokens = 1;
  static constexpr int kSignedTileTokens = 1;
  // A register tile of floats: rows, and vectors of tokens.
  static constexpr int kFloatTileRows = 1;
  static constexpr int kFloatTileVectors = 1;
  // Float weights by this many tokens stay in registers, with as many vectors of sums. The policy
  // that they use has at most kPartialSums lanes.
  static constexpr int kFusedFloatTokens = 1;
  static constexpr int kFloatSums = 1;
  using FloatColumns = Scalar;

  using vi = int32_t __attribute__((vector_size(16)));
  using vu = uint32_t __attribute__((vector_size(16)));
  using vf = float __attribute__((vector_size(16)));

  // --- loads, stores, constants
  static WHET_INLINE vi zero_i() { return vi{}; }
  static WHET_INLINE vf zero_f() { return vf{}; }
  static WHET_INLINE vi load_i(const void* p) { return load_as<vi>(p); }
  static WHET_INLINE void store_i(void* p, vi v) { std::memcpy(p, &v, sizeof(v)); }
  static WHET_INLINE vf load_f(const float* p) { return load_as<vf>(p); }
  static WHET_INLINE void store_f(float* p, vf v) { std::memcpy(p, &v, sizeof(v)); }
  /// v in a register: for a value that several instructions would each load for themselves.
  static WHET_INLINE vf held(vf v) { return v; }
  static WHET_INLINE vi set1_i(uint32_t x) { return reinterpret_cast<vi>(vu{} + x); }
  static WHET_INLINE vf set1_f(float x) { return vf{x, x, x, x}; }
  /// Four bytes of memory in every lane.
  static WHET_INLINE vi broadcast4(const void* p) { return set1_i(load_as<uint32_t>(p)); }
  /// Four activations, in the form in which dot() and dot_signed() multiply every lane with them.
  static WHET_INLINE vi quad(const int8_t* p) { return broadcast4(p); }
  static WHET_INLINE void prefetch(const void*) {}
  /// out[i] lane r = dword i of the 16 bytes at p + r * stride.
  static WHET_INLINE void transpose16(const uint8_t* p, size_t stride, vi* out) {
    const vi a = load_i(p), b = load_i(p + stride);
    const vi c = load_i(p + 2 * stride), d = load_i(p + 3 * stride);
    for (int i = 0; i < 4; ++i) out[i] = vi{a[i], b[i], c[i], d[i]};
  }
  /// Bytes of four rows, taken in turn: of every 16 bytes out[j] holds those at 4j ... 4j + 3.
  static WHET_INLINE void zip4(const vi* rows, vi* out) {
    uint8_t bytes[4][16], zipped[64];
    std::memcpy(bytes, rows, sizeof(bytes));
    for (int i = 0; i < 64; ++i) zipped[i] = bytes[i % 4][i / 4];
    std::memcpy(out, zipped, sizeof(zipped));
  }

  // --- bits
  static WHET_INLINE vi bit_and(vi a, vi b) { return a & b; }
  static WHET_INLINE vi bit_or(vi a, vi b) { return a | b; }
  static WHET_INLINE vi bit_xor(vi a, vi b) { return a ^ b; }
  /// Shifts that may work in 16- or 32-bit units: the caller masks what crosses a byte.
  template <int N>
  static WHET_INLINE vi shift_right(vi a) {
    return reinterpret_cast<vi>(reinterpret_cast<vu>(a) >> N);
  }
  template <int N>
  static WHET_INLINE vi shift_left(vi a) {
    return reinterpret_cast<vi>(reinterpret_cast<vu>(a) << N);
  }
  template <int N>
  static WHET_INLINE vi shift_right32(vi a) {
    return shift_right<N>(a);
  }
  template <int N>
  static WHET_INLINE vi shift_left32(vi a) {
    return shift_left<N>(a);
  }
  /// table[code] for every byte; codes below 16.
  static WHET_INLINE vi lookup16(const int8_t* table, vi codes) {
    uint8_t bytes[16];
    std::memcpy(bytes, &codes, 16);
    for (uint8_t& b : bytes) b = static_cast<uint8_t>(table[b]);
    return load_as<vi>(bytes);
  }

  // --- integer arithmetic
  static WHET_INLINE vi add32(vi a, vi b) { return a + b; }
  static WHET_INLINE vi mul32(vi a, vi b) { return a * b; }
  /// Bit i: lane i is negative.
  static WHET_INLINE uint32_t sign_bits(vi a) {
    uint32_t bits = 0;
    for (int i = 0; i < kLanes; ++i) bits |= static_cast<uint32_t>(a[i] < 0) << i;
    return bits;
  }
  template <int B>
  static WHET_INLINE vi byte_u(vi a) {
    return shift_right<8 * B>(a) & set1_i(0xff);
  }
  template <int B>
  static WHET_INLINE vi byte_s(vi a) {
    return shift_left<24 - 8 * B>(a) >> 24;
  }
  /// Byte B of each dword as a group scale for mul_scale().
  template <int B>
  static WHET_INLINE vi scale_u8(vi a) {
    return byte_u<B>(a);
  }
  template <int B>
  static WHET_INLINE vi scale_s8(vi a) {
    return byte_s<B>(a);
  }
  /// int32 lanes of products of int16 pairs, summed.
  static WHET_INLINE vi madd16(vi a, vi b) {
    return (shift_left<16>(a) >> 16) * (shift_left<16>(b) >> 16) + (a >> 16) * (b >> 16);
  }
  /// Bytes 2P and 2P+1 of each dword as a pair of int16.
  template <int P>
  static WHET_INLINE vi byte_pair(vi a) {
    return byte_u<2 * P>(a) | shift_left<16>(byte_u<2 * P + 1>(a));
  }
  /// acc + unsigned bytes of w, all below 128, · signed bytes of x.
  static WHET_INLINE vi dot(vi acc, vi w, vi x) {
    return acc + byte_u<0>(w) * byte_s<0>(x) + byte_u<1>(w) * byte_s<1>(x) +
           byte_u<2>(w) * byte_s<2>(x) + byte_u<3>(w) * byte_s<3>(x);
  }
  /// A group's accumulator times its scale, as int32.
  static WHET_INLINE vi mul_scale(vi acc, vi scale) { return acc * scale; }
  /// A group's accumulator as int32.
  static WHET_INLINE vi widen(vi acc) { return acc; }

  // --- signed codes: stored as prepare_signed() returns them
  using SignedWeights = vi;
  static WHET_INLINE vi prepare_signed(vi w) { return w; }
  static WHET_INLINE SignedWeights signed_weights(vi w) { return w; }
  /// First value of a signed accumulator, from Activations32::offset.
  static WHET_INLINE vi signed_start(const int32_t*) { return zero_i(); }
  static WHET_INLINE vi dot_signed(vi acc, SignedWeights w, vi x) {
    return acc + byte_s<0>(w) * byte_s<0>(x) + byte_s<1>(w) * byte_s<1>(x) +
           byte_s<2>(w) * byte_s<2>(x) + byte_s<3>(w) * byte_s<3>(x);
  }

  // --- floats
  static WHET_INLINE vf to_float(vi a) { return __builtin_convertvector(a, vf); }
  static WHET_INLINE vf as_float(vi a) { return reinterpret_cast<vf>(a); }
  static WHET_INLINE vf add(vf a, vf b) { return a + b; }
  static WHET_INLINE vf sub(vf a, vf b) { return a - b; }
  static WHET_INLINE vf mul(vf a, vf b) { return a * b; }
  static WHET_INLINE vf div(vf a, vf b) { return a / b; }
  /// a * b + c, rounded once.
  static WHET_INLINE vf fma(vf a, vf b, vf c) {
    return vf{__builtin_fmaf(a[0], b[0], c[0]), __builtin_fmaf(a[1], b[1], c[1]),
              __builtin_fmaf(a[2], b[2], c[2]), __builtin_fmaf(a[3], b[3], c[3])};
  }
  /// c - a * b, rounded once.
  static WHET_INLINE vf fnma(vf a, vf b, vf c) { return fma(-a, b, c); }
  /// a where it is the greater (or smaller) one, else b: b where either is NaN.
  static WHET_INLINE vf max(vf a, vf b) { return a > b ? a : b; }
  static WHET_INLINE vf min(vf a, vf b) { return a < b ? a : b; }
  static WHET_INLINE vf abs(vf a) {
    return as_float(reinterpret_cast<vi>(a) & set1_i(0x7fffffffu));
  }
  /// To the nearest integer, ties to even; out of range and for NaN any value.
  static WHET_INLINE vi round_to_int(vf a) {
    vi out{};
    for (int i = 0; i < kLanes; ++i) {
      const float rounded = __builtin_nearbyintf(a[i]);
      const bool fits = rounded < 0x1p31f && rounded >= -0x1p31f;
      out[i] = fits ? static_cast<int32_t>(rounded) : INT32_MIN;
    }
    return out;
  }
  /// The f16 in the low (0) or high (1) half of each dword.
  template <int Half>
  static WHET_INLINE vf f16_half(vi a) {
    vf out{};
    for (int i = 0; i < kLanes; ++i) {
      const auto bits = static_cast<uint32_t>(a[i]) >> (16 * Half);
      out[i] = f32_from_f16_bits(static_cast<uint16_t>(bits));
    }
    return out;
  }
  /// The dword (or f16) at p + r * stride in lane r.
  static WHET_INLINE vi load_dword_rows(const uint8_t* p, size_t stride) {
    return vi{load_as<int32_t>(p), load_as<int32_t>(p + stride), load_as<int32_t>(p + 2 * stride),
              load_as<int32_t>(p + 3 * stride)};
  }
  /// The byte at p + r in lane r.
  static WHET_INLINE vi load_bytes(const uint8_t* p) { return vi{p[0], p[1], p[2], p[3]}; }
  static WHET_INLINE vf load_f16_rows(const uint8_t* p, size_t stride) {
    vf out{};
    for (int i = 0; i < kLanes; ++i) out[i] = f32_from_f16_bits(load_as<uint16_t>(p + i * stride));
    return out;
  }
  static WHET_INLINE vf load_f16(const uint16_t* p) {
    vf out{};
    for (int i = 0; i < kLanes; ++i) out[i] = f32_from_f16_bits(load_as<uint16_t>(p + i));
    return out;
  }
  static WHET_INLINE void store_f16(uint16_t* p, vf a) {
    for (int i = 0; i < kLanes; ++i) {
      const uint16_t h = f16_bits_from_f32(a[i]);
      std::memcpy(p + i, &h, sizeof(h));
    }
  }
  static WHET_INLINE vf load_bf16(const uint16_t* p) {
    vf out{};
    for (int i = 0; i < kLanes; ++i) out[i] = f32_from_bf16_bits(load_as<uint16_t>(p + i));
    return out;
  }
  static WHET_INLINE vf load_i8(const int8_t* p) {
    vf out{};
    for (int i = 0; i < kLanes; ++i) out[i] = static_cast<float>(p[i]);
    return out;
  }
  /// Low bytes of the lanes to p[0..kLanes).
  static WHET_INLINE void store_low_bytes(int8_t* p, vi a) {
    for (int i = 0; i < kLanes; ++i) p[i] = static_cast<int8_t>(a[i]);
  }
};

}  // namespace
}  // namespace whet::kernels
