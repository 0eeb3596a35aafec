// F32, F16, BF16: rows become f32 panels. Any number of columns.
#pragma once

#include "kernels/f16.h"
#include "kernels/micro_float.h"

namespace whet::kernels {
namespace {

/// Unpacks n_cols columns of F, whose unpack16() turns 16 bytes of every row into f32 columns.
template <class S, class F>
WHET_INLINE void unpack_columns(const PanelSource& src, int n_cols, PanelFloat<S>& panel) {
  constexpr int kCols = 16 / F::kBytes;  // of one unpack16()
  int k = 0;
  for (; k + 4 * kCols <= n_cols; k += 4 * kCols) {  // 64 bytes of every row
    const PanelSource lines{src.rows + k * F::kBytes, src.stride,
                            src.ahead + k * F::kBytes * S::kLanes};
    unroll<4>([&](auto i) WHET_LAMBDA {
      prefetch_lines<S, i * S::kLanes / 4, (i + 1) * S::kLanes / 4>(lines);
      F::template unpack16<S>(lines.rows + 16 * i, src.stride, panel.w + k + i * kCols);
    });
  }
  for (; k + kCols <= n_cols; k += kCols) {
    F::template unpack16<S>(src.rows + k * F::kBytes, src.stride, panel.w + k);
  }
  for (; k < n_cols; ++k) {
    for (int r = 0; r < S::kLanes; ++r) {
      panel.w[k][r] = F::scalar(src.rows + r * src.stride + k * F::kBytes);
    }
  }
}

struct FormatF32 {
  static constexpr int kBytes = 4;
  static WHET_INLINE float scalar(const uint8_t* p) { return load_as<float>(p); }
  template <class S>
  static WHET_INLINE void unpack16(const uint8_t* p, size_t stride, float (*out)[S::kLanes]) {
    typename S::vi v[4];
    S::transpose16(p, stride, v);
    unroll<4>([&](auto j) WHET_LAMBDA { S::store_f(out[j], S::as_float(v[j])); });
  }
};

struct FormatF16 {
  static constexpr int kBytes = 2;
  static WHET_INLINE float scalar(const uint8_t* p) {
    return f32_from_f16_bits(load_as<uint16_t>(p));
  }
  template <class S>
  static WHET_INLINE void unpack16(const uint8_t* p, size_t stride, float (*out)[S::kLanes]) {
    typename S::vi v[4];
    S::transpose16(p, stride, v);
    unroll<4>([&](auto j) WHET_LAMBDA {
      typename S::vf even, odd;
      S::f16_halves(v[j], even, odd);
      S::store_f(out[2 * j], even);
      S::store_f(out[2 * j + 1], odd);
    });
  }
};

struct FormatBF16 {
  static constexpr int kBytes = 2;
  static WHET_INLINE float scalar(const uint8_t* p) {
    return f32_from_bf16_bits(load_as<uint16_t>(p));
  }
  template <class S>
  static WHET_INLINE void unpack16(const uint8_t* p, size_t stride, float (*out)[S::kLanes]) {
    typename S::vi v[4];
    S::transpose16(p, stride, v);
    const auto high = S::set1_i(0xffff0000u);
    unroll<4>([&](auto j) WHET_LAMBDA {
      S::store_f(out[2 * j], S::as_float(S::template shift_left32<16>(v[j])));
      S::store_f(out[2 * j + 1], S::as_float(S::bit_and(v[j], high)));
    });
  }
};

}  // namespace
}  // namespace whet::kernels
