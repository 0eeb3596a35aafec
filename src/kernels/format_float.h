// F32, F16, BF16: rows become f32 panels. Any number of columns.
#pragma once

#include "kernels/f16.h"
#include "kernels/micro_float.h"

namespace whet::kernels {
namespace {

/// Transposes 4 columns of f32 rows at p into out[0..4).
template <class S>
WHET_INLINE void transpose_f32(const float* p, size_t stride_floats, float (*out)[S::kLanes]) {
  typename S::vi v[4];
  S::transpose16(reinterpret_cast<const uint8_t*>(p), stride_floats * sizeof(float), v);
  unroll<4>([&](auto j) WHET_LAMBDA { S::store_f(out[j], S::as_float(v[j])); });
}

/// 16-bit formats go through f32 rows in L1: Convert::run(src, n, dst) for each row.
template <class S, class Convert>
WHET_INLINE void unpack_converted(const PanelSource& src, int n_cols, PanelFloat<S>& panel) {
  alignas(64) float rows[S::kLanes][kFloatCols + 16];  // +16: rows in different cache sets
  for (int r = 0; r < S::kLanes; ++r) {
    const uint8_t* from = src.rows + r * src.stride;
    const uint8_t* ahead = src.ahead + r * kFloatCols * 2;
    unroll<kFloatCols * 2 / 64>([&](auto i) WHET_LAMBDA { S::prefetch(ahead + 64 * i); });
    int k = 0;
    for (; k + S::kLanes <= n_cols; k += S::kLanes) {
      S::store_f(rows[r] + k, Convert::template vector<S>(from + 2 * k));
    }
    for (; k < n_cols; ++k) rows[r][k] = Convert::scalar(load_as<uint16_t>(from + 2 * k));
  }
  for (int k = 0; k < n_cols; k += 4) transpose_f32<S>(rows[0] + k, kFloatCols + 16, panel.w + k);
}

struct FormatF16 {
  static constexpr size_t kBytes = 2;
  template <class S>
  static WHET_INLINE typename S::vf vector(const uint8_t* p) {
    return S::load_f16(reinterpret_cast<const uint16_t*>(p));
  }
  static WHET_INLINE float scalar(uint16_t h) { return f32_from_f16_bits(h); }
  template <class S>
  static WHET_INLINE void unpack(const PanelSource& src, int n_cols, PanelFloat<S>& panel) {
    unpack_converted<S, FormatF16>(src, n_cols, panel);
  }
};

struct FormatBF16 {
  static constexpr size_t kBytes = 2;
  template <class S>
  static WHET_INLINE typename S::vf vector(const uint8_t* p) {
    return S::load_bf16(reinterpret_cast<const uint16_t*>(p));
  }
  static WHET_INLINE float scalar(uint16_t h) { return f32_from_bf16_bits(h); }
  template <class S>
  static WHET_INLINE void unpack(const PanelSource& src, int n_cols, PanelFloat<S>& panel) {
    unpack_converted<S, FormatBF16>(src, n_cols, panel);
  }
};

struct FormatF32 {
  static constexpr size_t kBytes = 4;
  template <class S>
  static WHET_INLINE void unpack(const PanelSource& src, int n_cols, PanelFloat<S>& panel) {
    int k = 0;
    for (; k + 4 <= n_cols; k += 4) {
      if (k % 16 == 0) {
        unroll<S::kLanes>(
            [&](auto i) WHET_LAMBDA { S::prefetch(src.ahead + (k / 16 * S::kLanes + i) * 64); });
      }
      typename S::vi v[4];
      S::transpose16(src.rows + 4 * k, src.stride, v);
      unroll<4>([&](auto j) WHET_LAMBDA { S::store_f(panel.w[k + j], S::as_float(v[j])); });
    }
    for (; k < n_cols; ++k) {
      for (int r = 0; r < S::kLanes; ++r) {
        panel.w[k][r] = load_as<float>(src.rows + r * src.stride + 4 * k);
      }
    }
  }
};

}  // namespace
}  // namespace whet::kernels
