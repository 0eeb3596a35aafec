// AVX-512 (F, BW, VL, DQ), with and without VNNI. The test build compiles the same text against
// simde where the machine lacks the instructions (WHET_EMULATE_AVX512).
#pragma once

#ifdef WHET_EMULATE_AVX512
#include "kernels/emulated_avx512.h"
#else
#include <immintrin.h>
#endif

#include "kernels/policy_avx2.h"
#include "kernels/simd.h"

namespace whet::kernels {
namespace {

struct Avx512Base {
  static constexpr int kLanes = 16;
  static constexpr int kFusedTokens = 4;
  // Two panels x 6 tokens: 24 of 32 registers hold sums. Sweep on Zen 5: 2x6 beats 2x4, 2x8, 4x3.
  static constexpr int kTileTokens = 6;
  static constexpr int kSignedTileTokens = 6;
  // 24 sums, 3 vectors of activations and one of weights of 32 registers. Untimed.
  static constexpr int kFloatTileRows = 8;
  static constexpr int kFloatTileVectors = 3;
  static constexpr int kFusedFloatTokens = 4;
  using FloatColumns = Avx2Base;
  using vi = __m512i;
  using vf = __m512;

  static WHET_INLINE vi zero_i() { return _mm512_setzero_si512(); }
  static WHET_INLINE vf zero_f() { return _mm512_setzero_ps(); }
  static WHET_INLINE vi load_i(const void* p) { return _mm512_loadu_si512(p); }
  static WHET_INLINE void store_i(void* p, vi v) { _mm512_storeu_si512(p, v); }
  static WHET_INLINE vf load_f(const float* p) { return _mm512_loadu_ps(p); }
  static WHET_INLINE void store_f(float* p, vf v) { _mm512_storeu_ps(p, v); }
  static WHET_INLINE vi set1_i(uint32_t x) { return _mm512_set1_epi32(static_cast<int>(x)); }
  static WHET_INLINE vf set1_f(float x) { return _mm512_set1_ps(x); }
  static WHET_INLINE vi broadcast4(const void* p) { return _mm512_set1_epi32(load_as<int>(p)); }
  static WHET_INLINE vi quad(const int8_t* p) { return broadcast4(p); }
  static WHET_INLINE void prefetch(const void* p) {
    __asm__ volatile("prefetcht1 %0" : : "m"(*static_cast<const char*>(p)));
  }

  static WHET_INLINE __m128i load16(const uint8_t* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  }
  /// Rows r, r + 4, r + 8, r + 12 share a register, so that the transpose needs no lane crossing.
  static WHET_INLINE vi load_four(const uint8_t* p, size_t stride) {
    vi v = _mm512_castsi128_si512(load16(p));
    v = _mm512_inserti32x4(v, load16(p + 4 * stride), 1);
    v = _mm512_inserti32x4(v, load16(p + 8 * stride), 2);
    return _mm512_inserti32x4(v, load16(p + 12 * stride), 3);
  }
  static WHET_INLINE void transpose16(const uint8_t* p, size_t stride, vi* out) {
    const vi a = load_four(p, stride), b = load_four(p + stride, stride);
    const vi c = load_four(p + 2 * stride, stride), d = load_four(p + 3 * stride, stride);
    const vi ab_low = _mm512_unpacklo_epi32(a, b), ab_high = _mm512_unpackhi_epi32(a, b);
    const vi cd_low = _mm512_unpacklo_epi32(c, d), cd_high = _mm512_unpackhi_epi32(c, d);
    out[0] = _mm512_unpacklo_epi64(ab_low, cd_low);
    out[1] = _mm512_unpackhi_epi64(ab_low, cd_low);
    out[2] = _mm512_unpacklo_epi64(ab_high, cd_high);
    out[3] = _mm512_unpackhi_epi64(ab_high, cd_high);
  }

  static WHET_INLINE void zip4(const vi* rows, vi* out) {
    const vi ab_low = _mm512_unpacklo_epi8(rows[0], rows[1]);
    const vi ab_high = _mm512_unpackhi_epi8(rows[0], rows[1]);
    const vi cd_low = _mm512_unpacklo_epi8(rows[2], rows[3]);
    const vi cd_high = _mm512_unpackhi_epi8(rows[2], rows[3]);
    out[0] = _mm512_unpacklo_epi16(ab_low, cd_low);
    out[1] = _mm512_unpackhi_epi16(ab_low, cd_low);
    out[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
    out[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
  }

  static WHET_INLINE vi bit_and(vi a, vi b) { return _mm512_and_si512(a, b); }
  static WHET_INLINE vi bit_or(vi a, vi b) { return _mm512_or_si512(a, b); }
  static WHET_INLINE vi bit_xor(vi a, vi b) { return _mm512_xor_si512(a, b); }
  template <int N>
  static WHET_INLINE vi shift_right(vi a) {
    return _mm512_srli_epi16(a, N);
  }
  template <int N>
  static WHET_INLINE vi shift_left(vi a) {
    return _mm512_slli_epi16(a, N);
  }
  template <int N>
  static WHET_INLINE vi shift_right32(vi a) {
    return _mm512_srli_epi32(a, N);
  }
  template <int N>
  static WHET_INLINE vi shift_left32(vi a) {
    return _mm512_slli_epi32(a, N);
  }
  static WHET_INLINE vi lookup16(const int8_t* table, vi codes) {
    const __m128i t = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), codes);
  }

  static WHET_INLINE vi add32(vi a, vi b) { return _mm512_add_epi32(a, b); }
  static WHET_INLINE vi mul32(vi a, vi b) { return _mm512_mullo_epi32(a, b); }
  static WHET_INLINE uint32_t sign_bits(vi a) { return _mm512_cmpgt_epi32_mask(zero_i(), a); }
  /// Shuffle that puts bytes a, b, c, d of every dword (or zero: 0x80) in its four places.
  static WHET_INLINE vi shuffle_dwords(vi v, int a, int b, int c, int d) {
    const vi base = _mm512_broadcast_i32x4(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
    const uint32_t pattern = static_cast<uint32_t>(a) | static_cast<uint32_t>(b) << 8 |
                             static_cast<uint32_t>(c) << 16 | static_cast<uint32_t>(d) << 24;
    return _mm512_shuffle_epi8(v, _mm512_or_si512(base, set1_i(pattern)));
  }
  static WHET_INLINE vi madd16(vi a, vi b) { return _mm512_madd_epi16(a, b); }
  template <int P>
  static WHET_INLINE vi byte_pair(vi a) {
    return shuffle_dwords(a, 2 * P, 0x80, 2 * P + 1, 0x80);
  }

  static WHET_INLINE vf to_float(vi a) { return _mm512_cvtepi32_ps(a); }
  static WHET_INLINE vf as_float(vi a) { return _mm512_castsi512_ps(a); }
  static WHET_INLINE vf add(vf a, vf b) { return _mm512_add_ps(a, b); }
  static WHET_INLINE vf sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
  static WHET_INLINE vf mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
  static WHET_INLINE vf div(vf a, vf b) { return _mm512_div_ps(a, b); }
  static WHET_INLINE vf fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
  static WHET_INLINE vf fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
  static WHET_INLINE vf max(vf a, vf b) { return _mm512_max_ps(a, b); }
  static WHET_INLINE vf min(vf a, vf b) { return _mm512_min_ps(a, b); }
  static WHET_INLINE vf abs(vf a) {
    return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(a), set1_i(0x7fffffffu)));
  }
  static WHET_INLINE vi round_to_int(vf a) { return _mm512_cvtps_epi32(a); }
  template <int Half>
  static WHET_INLINE vf f16_half(vi a) {
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(_mm512_srli_epi32(a, 16 * Half)));
  }
  static WHET_INLINE vi load_dword_rows(const uint8_t* p, size_t stride) {
    const auto row = [&](size_t r) WHET_LAMBDA { return load_as<int>(p + r * stride); };
    return _mm512_setr_epi32(row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7), row(8),
                             row(9), row(10), row(11), row(12), row(13), row(14), row(15));
  }
  static WHET_INLINE vi load_bytes(const uint8_t* p) { return _mm512_cvtepu8_epi32(load16(p)); }
  static WHET_INLINE vf load_f16_rows(const uint8_t* p, size_t stride) {
    const auto row = [&](size_t r) WHET_LAMBDA { return load_as<short>(p + r * stride); };
    return _mm512_cvtph_ps(_mm256_setr_epi16(row(0), row(1), row(2), row(3), row(4), row(5), row(6),
                                             row(7), row(8), row(9), row(10), row(11), row(12),
                                             row(13), row(14), row(15)));
  }
  static WHET_INLINE vf load_f16(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static WHET_INLINE void store_f16(uint16_t* p, vf a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static WHET_INLINE vf load_bf16(const uint16_t* p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(
        _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))), 16));
  }
  static WHET_INLINE vf load_i8(const int8_t* p) {
    return _mm512_cvtepi32_ps(
        _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static WHET_INLINE void store_low_bytes(int8_t* p, vi a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(a));
  }
  static WHET_INLINE vf held(vf v) {
#ifndef WHET_EMULATE_AVX512
    __asm__("" : "+v"(v));
#endif
    return v;
  }
};

/// Without VNNI: pairs of products in 16 bit, as in policy_avx2.h.
struct Avx512 : Avx512Base {
  static constexpr bool kWideDot = false;

  static WHET_INLINE vi pinned(vi v) {
#ifndef WHET_EMULATE_AVX512
    __asm__("" : "+v"(v));
#endif
    return v;
  }
  template <int B>
  static WHET_INLINE vi scale_u8(vi a) {
    return shuffle_dwords(a, B, 0x80, B, 0x80);
  }
  template <int B>
  static WHET_INLINE vi scale_s8(vi a) {
    return _mm512_srai_epi16(shuffle_dwords(a, 0x80, B, 0x80, B), 8);
  }
  static WHET_INLINE vi dot(vi acc, vi w, vi x) {
    return pinned(_mm512_add_epi16(acc, _mm512_maddubs_epi16(w, x)));
  }
  static WHET_INLINE vi mul_scale(vi acc, vi scale) {
    return _mm512_madd_epi16(acc, scale);
  }
  static WHET_INLINE vi widen(vi acc) {
    return _mm512_madd_epi16(acc, _mm512_set1_epi16(1));
  }

  struct SignedWeights {
    vi magnitude;
    __mmask64 negative;
  };
  static WHET_INLINE vi prepare_signed(vi w) {
    return w;
  }
  static WHET_INLINE SignedWeights signed_weights(vi w) {
    return {_mm512_abs_epi8(w), _mm512_movepi8_mask(w)};
  }
  static WHET_INLINE vi signed_start(const int32_t*) {
    return zero_i();
  }
  static WHET_INLINE vi dot_signed(vi acc, SignedWeights w, vi x) {
    const vi turned = _mm512_mask_sub_epi8(x, w.negative, zero_i(), x);
    return pinned(add32(acc, widen(_mm512_maddubs_epi16(w.magnitude, turned))));
  }
};

struct Avx512Vnni : Avx512Base {
  static constexpr bool kWideDot = true;

  template <int B>
  static WHET_INLINE vi scale_u8(vi a) {
    return shuffle_dwords(a, B, 0x80, 0x80, 0x80);
  }
  template <int B>
  static WHET_INLINE vi scale_s8(vi a) {
    return _mm512_srai_epi32(shuffle_dwords(a, 0x80, 0x80, 0x80, B), 24);
  }
  static WHET_INLINE vi dot(vi acc, vi w, vi x) { return _mm512_dpbusd_epi32(acc, w, x); }
  static WHET_INLINE vi mul_scale(vi acc, vi scale) { return _mm512_mullo_epi32(acc, scale); }
  static WHET_INLINE vi widen(vi acc) { return acc; }

  /// Signed codes are stored plus 128; the accumulator starts at -128 * sum(x).
  using SignedWeights = vi;
  static WHET_INLINE vi prepare_signed(vi w) { return bit_xor(w, set1_i(0x80808080u)); }
  static WHET_INLINE SignedWeights signed_weights(vi w) { return w; }
  static WHET_INLINE vi signed_start(const int32_t* offset) {
    return _mm512_slli_epi32(broadcast4(offset), 3);
  }
  static WHET_INLINE vi dot_signed(vi acc, SignedWeights w, vi x) { return dot(acc, w, x); }
};

}  // namespace
}  // namespace whet::kernels
