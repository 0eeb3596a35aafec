// AVX2 + FMA + F16C. Without a dot instruction products of unsigned and signed bytes are summed in
// pairs by VPMADDUBSW and accumulated in 16 bit, which a group's sum must fit (micro_int.h).
#pragma once

#include <immintrin.h>

#include "kernels/simd.h"

namespace whet::kernels {
namespace {

struct Avx2Base {
  static constexpr int kLanes = 8;
  // Q4_K from DRAM, two threads: a block with 3 and 4 tokens takes 124 and 147 ns, through panels
  // 163 and 187. Of Q6_K 191 and 254, 229 and 276.
  static constexpr int kFusedTokens = 4;
  // Two panels x 4 tokens: 8 accumulators beside weights and temporaries in 16 registers; the sums
  // of the scale groups are spilled, which costs less than loading the weights more often: Q4_K and
  // Q6_K on Zen 3 are 2 to 6 % slower with three tokens. Of Q8_0, whose codes need a sign and a
  // magnitude, two are 6 % slower, four as fast.
  static constexpr int kTileTokens = 4;
  static constexpr int kSignedTileTokens = 3;
  // 12 sums, 3 vectors of activations and one of weights are the 16 registers.
  static constexpr int kFloatTileRows = 4;
  static constexpr int kFloatTileVectors = 3;
  static constexpr int kFusedFloatTokens = 4;
  static constexpr int kFloatSums = 12;
  using FloatColumns = Avx2Base;
  using vi = __m256i;
  using vf = __m256;

  static WHET_INLINE vi zero_i() { return _mm256_setzero_si256(); }
  static WHET_INLINE vf zero_f() { return _mm256_setzero_ps(); }
  static WHET_INLINE vi load_i(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  static WHET_INLINE void store_i(void* p, vi v) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), v);
  }
  static WHET_INLINE vf load_f(const float* p) { return _mm256_loadu_ps(p); }
  static WHET_INLINE void store_f(float* p, vf v) { _mm256_storeu_ps(p, v); }
  static WHET_INLINE vf held(vf v) {
    __asm__("" : "+x"(v));
    return v;
  }
  static WHET_INLINE vi set1_i(uint32_t x) { return _mm256_set1_epi32(static_cast<int>(x)); }
  static WHET_INLINE vf set1_f(float x) { return _mm256_set1_ps(x); }
  static WHET_INLINE vi broadcast4(const void* p) { return _mm256_set1_epi32(load_as<int>(p)); }
  static WHET_INLINE vi quad(const int8_t* p) { return broadcast4(p); }
  /// Volatile, or the compiler gathers all prefetches of a block in one burst at its start.
  static WHET_INLINE void prefetch(const void* p) {
    __asm__ volatile("prefetcht1 %0" : : "m"(*static_cast<const char*>(p)));
  }

  static WHET_INLINE __m256i load_two(const uint8_t* low, const uint8_t* high) {
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low))),
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(high)), 1);
  }
  /// Rows r and r + 4 share a register, so that the transpose needs no lane crossing.
  static WHET_INLINE void transpose16(const uint8_t* p, size_t stride, vi* out) {
    const uint8_t* q = p + 4 * stride;
    const vi a = load_two(p, q), b = load_two(p + stride, q + stride);
    const vi c = load_two(p + 2 * stride, q + 2 * stride);
    const vi d = load_two(p + 3 * stride, q + 3 * stride);
    const vi ab_low = _mm256_unpacklo_epi32(a, b), ab_high = _mm256_unpackhi_epi32(a, b);
    const vi cd_low = _mm256_unpacklo_epi32(c, d), cd_high = _mm256_unpackhi_epi32(c, d);
    out[0] = _mm256_unpacklo_epi64(ab_low, cd_low);
    out[1] = _mm256_unpackhi_epi64(ab_low, cd_low);
    out[2] = _mm256_unpacklo_epi64(ab_high, cd_high);
    out[3] = _mm256_unpackhi_epi64(ab_high, cd_high);
  }

  static WHET_INLINE void zip4(const vi* rows, vi* out) {
    const vi ab_low = _mm256_unpacklo_epi8(rows[0], rows[1]);
    const vi ab_high = _mm256_unpackhi_epi8(rows[0], rows[1]);
    const vi cd_low = _mm256_unpacklo_epi8(rows[2], rows[3]);
    const vi cd_high = _mm256_unpackhi_epi8(rows[2], rows[3]);
    out[0] = _mm256_unpacklo_epi16(ab_low, cd_low);
    out[1] = _mm256_unpackhi_epi16(ab_low, cd_low);
    out[2] = _mm256_unpacklo_epi16(ab_high, cd_high);
    out[3] = _mm256_unpackhi_epi16(ab_high, cd_high);
  }

  static WHET_INLINE vi bit_and(vi a, vi b) { return _mm256_and_si256(a, b); }
  static WHET_INLINE vi bit_or(vi a, vi b) { return _mm256_or_si256(a, b); }
  static WHET_INLINE vi bit_xor(vi a, vi b) { return _mm256_xor_si256(a, b); }
  template <int N>
  static WHET_INLINE vi shift_right(vi a) {
    return _mm256_srli_epi16(a, N);
  }
  template <int N>
  static WHET_INLINE vi shift_left(vi a) {
    return _mm256_slli_epi16(a, N);
  }
  template <int N>
  static WHET_INLINE vi shift_right32(vi a) {
    return _mm256_srli_epi32(a, N);
  }
  template <int N>
  static WHET_INLINE vi shift_left32(vi a) {
    return _mm256_slli_epi32(a, N);
  }
  static WHET_INLINE vi lookup16(const int8_t* table, vi codes) {
    const __m128i t = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(t), codes);
  }

  static WHET_INLINE vi add32(vi a, vi b) { return _mm256_add_epi32(a, b); }
  static WHET_INLINE vi mul32(vi a, vi b) { return _mm256_mullo_epi32(a, b); }
  static WHET_INLINE uint32_t sign_bits(vi a) {
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_castsi256_ps(a)));
  }
  /// Shuffle that puts bytes a, b, c, d of every dword (or zero: 0x80) in its four places.
  static WHET_INLINE vi shuffle_dwords(vi v, int a, int b, int c, int d) {
    const vi base = _mm256_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c, 0, 0x04040404,
                                      0x08080808, 0x0c0c0c0c);
    const uint32_t pattern = static_cast<uint32_t>(a) | static_cast<uint32_t>(b) << 8 |
                             static_cast<uint32_t>(c) << 16 | static_cast<uint32_t>(d) << 24;
    return _mm256_shuffle_epi8(v, _mm256_or_si256(base, set1_i(pattern)));
  }
  static WHET_INLINE vi madd16(vi a, vi b) { return _mm256_madd_epi16(a, b); }
  template <int P>
  static WHET_INLINE vi byte_pair(vi a) {
    return shuffle_dwords(a, 2 * P, 0x80, 2 * P + 1, 0x80);
  }

  static WHET_INLINE vf to_float(vi a) { return _mm256_cvtepi32_ps(a); }
  static WHET_INLINE vf as_float(vi a) { return _mm256_castsi256_ps(a); }
  static WHET_INLINE vf add(vf a, vf b) { return _mm256_add_ps(a, b); }
  static WHET_INLINE vf sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
  static WHET_INLINE vf mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
  static WHET_INLINE vf div(vf a, vf b) { return _mm256_div_ps(a, b); }
  static WHET_INLINE vf fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
  static WHET_INLINE vf fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
  static WHET_INLINE vf max(vf a, vf b) { return _mm256_max_ps(a, b); }
  static WHET_INLINE vf min(vf a, vf b) { return _mm256_min_ps(a, b); }
  static WHET_INLINE vf abs(vf a) {
    return _mm256_and_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff)));
  }
  static WHET_INLINE vi round_to_int(vf a) { return _mm256_cvtps_epi32(a); }
  template <int Half>
  static WHET_INLINE vf f16_half(vi a) {
    const vi halves = shuffle_dwords(a, 2 * Half, 2 * Half + 1, 0x80, 0x80);
    const __m128i packed =
        _mm_packus_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
    return _mm256_cvtph_ps(packed);
  }
  static WHET_INLINE vi load_dword_rows(const uint8_t* p, size_t stride) {
    const auto row = [&](size_t r) WHET_LAMBDA { return load_as<int>(p + r * stride); };
    return _mm256_setr_epi32(row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7));
  }
  static WHET_INLINE vi load_bytes(const uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  static WHET_INLINE vf load_f16_rows(const uint8_t* p, size_t stride) {
    const auto row = [&](size_t r) WHET_LAMBDA { return load_as<short>(p + r * stride); };
    return _mm256_cvtph_ps(
        _mm_setr_epi16(row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)));
  }
  static WHET_INLINE vf load_f16(const uint16_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static WHET_INLINE void store_f16(uint16_t* p, vf a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
  }
  static WHET_INLINE vf load_bf16(const uint16_t* p) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(
        _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))), 16));
  }
  static WHET_INLINE vf load_i8(const int8_t* p) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static WHET_INLINE void store_low_bytes(int8_t* p, vi a) {
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(words, words));
  }
};

struct Avx2 : Avx2Base {
  static constexpr bool kWideDot = false;

  /// Computes v here. Left alone, g++ 12 turns a chain of additions into one late tree and keeps
  /// every product in memory until then: half the speed.
  static WHET_INLINE vi pinned(vi v) {
    __asm__("" : "+x"(v));
    return v;
  }

  /// A group scale is the int16 in both halves of its dword.
  template <int B>
  static WHET_INLINE vi scale_u8(vi a) {
    return shuffle_dwords(a, B, 0x80, B, 0x80);
  }
  template <int B>
  static WHET_INLINE vi scale_s8(vi a) {
    return _mm256_srai_epi16(shuffle_dwords(a, 0x80, B, 0x80, B), 8);
  }
  static WHET_INLINE vi dot(vi acc, vi w, vi x) {
    return pinned(_mm256_add_epi16(acc, _mm256_maddubs_epi16(w, x)));
  }
  static WHET_INLINE vi mul_scale(vi acc, vi scale) { return _mm256_madd_epi16(acc, scale); }
  static WHET_INLINE vi widen(vi acc) { return _mm256_madd_epi16(acc, _mm256_set1_epi16(1)); }

  /// |w| * sign(x, w): 2 * 128 * 127 fits 16 bits, so one product pair per accumulation.
  struct SignedWeights {
    vi w, magnitude;
  };
  static WHET_INLINE vi prepare_signed(vi w) { return w; }
  static WHET_INLINE SignedWeights signed_weights(vi w) { return {w, _mm256_abs_epi8(w)}; }
  static WHET_INLINE vi signed_start(const int32_t*) { return zero_i(); }
  static WHET_INLINE vi dot_signed(vi acc, SignedWeights w, vi x) {
    return pinned(add32(acc, widen(_mm256_maddubs_epi16(w.magnitude, _mm256_sign_epi8(x, w.w)))));
  }
};

#if defined(__AVXVNNI__) || defined(WHET_EMULATE_AVXVNNI)
/// 256-bit dot instructions (AVX-VNNI): Alder Lake and later without AVX-512.
struct Avx2Vnni : Avx2Base {
  static constexpr bool kWideDot = true;

  template <int B>
  static WHET_INLINE vi scale_u8(vi a) {
    return shuffle_dwords(a, B, 0x80, 0x80, 0x80);
  }
  template <int B>
  static WHET_INLINE vi scale_s8(vi a) {
    return _mm256_srai_epi32(shuffle_dwords(a, 0x80, 0x80, 0x80, B), 24);
  }
  static WHET_INLINE vi dot(vi acc, vi w, vi x) { return _mm256_dpbusd_avx_epi32(acc, w, x); }
  static WHET_INLINE vi mul_scale(vi acc, vi scale) { return _mm256_mullo_epi32(acc, scale); }
  static WHET_INLINE vi widen(vi acc) { return acc; }

  /// Signed codes are stored plus 128; the accumulator starts at -128 * sum(x).
  using SignedWeights = vi;
  static WHET_INLINE vi prepare_signed(vi w) { return bit_xor(w, set1_i(0x80808080u)); }
  static WHET_INLINE SignedWeights signed_weights(vi w) { return w; }
  static WHET_INLINE vi signed_start(const int32_t* offset) {
    return _mm256_slli_epi32(broadcast4(offset), 3);
  }
  static WHET_INLINE vi dot_signed(vi acc, SignedWeights w, vi x) { return dot(acc, w, x); }
};
#endif

}  // namespace
}  // namespace whet::kernels
