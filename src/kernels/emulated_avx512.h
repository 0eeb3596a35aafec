// AVX-512 for tests on machines without it: simde, and the few intrinsics that its version in
// Debian 12 lacks. Never part of the library.
#pragma once

#define SIMDE_ENABLE_NATIVE_ALIASES
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#include <simde/x86/avx512.h>
#include <simde/x86/avx512/dpbusd.h>
#pragma GCC diagnostic pop
#include <immintrin.h>

#undef _mm512_madd_epi16  // simde 0.7.4 aliases it to the masked form
#define _mm512_madd_epi16(a, b) simde_mm512_madd_epi16(a, b)

namespace whet::kernels {
namespace {

struct Halves512 {
  __m256i low, high;
};
inline Halves512 halves(__m512i v) {
  Halves512 h;
  __builtin_memcpy(&h, &v, sizeof(h));
  return h;
}
inline __m512i joined(__m256i low, __m256i high) {
  const Halves512 h{low, high};
  __m512i v;
  __builtin_memcpy(&v, &h, sizeof(v));
  return v;
}

inline __m512i emulated_cvtps_epi32(__m512 v) {
  const Halves512 h = halves(_mm512_castps_si512(v));
  return joined(_mm256_cvtps_epi32(_mm256_castsi256_ps(h.low)),
                _mm256_cvtps_epi32(_mm256_castsi256_ps(h.high)));
}
inline __m512 emulated_cvtph_ps(__m256i v) {
  return _mm512_castsi512_ps(
      joined(_mm256_castps_si256(_mm256_cvtph_ps(_mm256_castsi256_si128(v))),
             _mm256_castps_si256(_mm256_cvtph_ps(_mm256_extracti128_si256(v, 1)))));
}
inline __m256i emulated_cvtps_ph(__m512 v) {
  const Halves512 h = halves(_mm512_castps_si512(v));
  return _mm256_set_m128i(_mm256_cvtps_ph(_mm256_castsi256_ps(h.high), _MM_FROUND_TO_NEAREST_INT),
                          _mm256_cvtps_ph(_mm256_castsi256_ps(h.low), _MM_FROUND_TO_NEAREST_INT));
}

inline __m512 emulated_cvtepi32_ps(__m512i v) {
  const Halves512 h = halves(v);
  return _mm512_castsi512_ps(joined(_mm256_castps_si256(_mm256_cvtepi32_ps(h.low)),
                                    _mm256_castps_si256(_mm256_cvtepi32_ps(h.high))));
}
inline __m512i emulated_cvtepi8_epi32(__m128i v) {
  return joined(_mm256_cvtepi8_epi32(v), _mm256_cvtepi8_epi32(_mm_srli_si128(v, 8)));
}
inline __m512i emulated_cvtepu8_epi32(__m128i v) {
  return joined(_mm256_cvtepu8_epi32(v), _mm256_cvtepu8_epi32(_mm_srli_si128(v, 8)));
}
inline __m512i emulated_cvtepu16_epi32(__m256i v) {
  return joined(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(v)),
                _mm256_cvtepu16_epi32(_mm256_extracti128_si256(v, 1)));
}

inline __m512i emulated_srai_epi32(__m512i v, int n) {
  const Halves512 h = halves(v);
  return joined(_mm256_srai_epi32(h.low, n), _mm256_srai_epi32(h.high, n));
}
/// The low byte, or half, of every lane.
template <class Narrow, class Out>
inline Out emulated_narrow(__m512i v) {
  int32_t lanes[16];
  Narrow narrow[16];
  __builtin_memcpy(lanes, &v, sizeof(lanes));
  for (int i = 0; i < 16; ++i) narrow[i] = static_cast<Narrow>(lanes[i]);
  Out out;
  __builtin_memcpy(&out, narrow, sizeof(out));
  return out;
}

/// AVX-VNNI's dot product of unsigned and signed bytes.
inline __m256i emulated_dpbusd_avx(__m256i acc, __m256i w, __m256i x) {
  int32_t sums[8];
  uint8_t a[32];
  int8_t b[32];
  __builtin_memcpy(sums, &acc, sizeof(sums));
  __builtin_memcpy(a, &w, sizeof(a));
  __builtin_memcpy(b, &x, sizeof(b));
  for (int i = 0; i < 32; ++i) sums[i / 4] += a[i] * b[i];
  __builtin_memcpy(&acc, sums, sizeof(sums));
  return acc;
}

}  // namespace
}  // namespace whet::kernels

#define _mm256_dpbusd_avx_epi32(acc, w, x) emulated_dpbusd_avx(acc, w, x)
#undef _mm512_srai_epi32
#define _mm512_srai_epi32(v, n) emulated_srai_epi32(v, n)
#undef _mm512_cvtepi32_epi8
#define _mm512_cvtepi32_epi8(v) emulated_narrow<int8_t, __m128i>(v)
#undef _mm512_cvtepi32_epi16
#define _mm512_cvtepi32_epi16(v) emulated_narrow<int16_t, __m256i>(v)
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps(v) emulated_cvtepi32_ps(v)
#undef _mm512_cvtepi8_epi32
#define _mm512_cvtepi8_epi32(v) emulated_cvtepi8_epi32(v)
#undef _mm512_cvtepu8_epi32
#define _mm512_cvtepu8_epi32(v) emulated_cvtepu8_epi32(v)
#undef _mm512_cvtepu16_epi32
#define _mm512_cvtepu16_epi32(v) emulated_cvtepu16_epi32(v)
#undef _mm512_cvtps_epi32
#define _mm512_cvtps_epi32(v) emulated_cvtps_epi32(v)
#undef _mm512_cvtph_ps
#define _mm512_cvtph_ps(v) emulated_cvtph_ps(v)
#undef _mm512_cvtps_ph
#define _mm512_cvtps_ph(v, rounding) emulated_cvtps_ph(v)
