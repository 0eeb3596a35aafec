// Causal attention of consecutive query tokens against one KV head, with an online softmax over
// key blocks at multiples of kKeyBlock. A row is one (token, head); rows never exchange values and
// a masked key contributes an exact zero, so the result of a row does not depend on which rows
// share a call.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/f16.h"
#include "kernels/kernels.h"
#include "kernels/vector_math.h"
#include "tensor/blocks.h"

namespace whet::kernels {
namespace {

/// Rows that share one pass over the keys.
inline constexpr int kBlockRows = 16;
/// Rows of a register tile: 6 rows x 16 keys take 12 of AVX2's 16 registers.
inline constexpr int kTileRows = 6;

/// An element type without scales: a panel of keys is [key_dim][16], a row of values [value_dim].
template <class Kv, class E>
struct PlainKv {
  using Element = E;
  static constexpr bool kScaled = false;
  static constexpr size_t kPanelDimBytes = kKeyPanel * sizeof(E);  // one dimension of 16 keys

  template <class S>
  static WHET_INLINE typename S::vf load_key(const uint8_t* p) {
    return Kv::template load<S>(reinterpret_cast<const Element*>(p));
  }
  template <class S>
  static WHET_INLINE typename S::vf load_value(const uint8_t* row, size_t d) {
    return Kv::template load<S>(reinterpret_cast<const Element*>(row) + d);
  }
  static WHET_INLINE float value_at(const uint8_t* row, size_t d) {
    return Kv::scalar(reinterpret_cast<const Element*>(row)[d]);
  }
  static void append_key(const float* k, size_t n_dims, uint8_t* panel, size_t key) {
    auto* keys = reinterpret_cast<Element*>(panel) + key;
    for (size_t d = 0; d < n_dims; ++d) keys[d * kKeyPanel] = Kv::from_float(k[d]);
  }
  static void append_value(const float* v, size_t n_dims, uint8_t* row) {
    auto* values = reinterpret_cast<Element*>(row);
    for (size_t d = 0; d < n_dims; ++d) values[d] = Kv::from_float(v[d]);
  }
};

struct KvF16 : PlainKv<KvF16, uint16_t> {
  static constexpr DType kType = DType::F16;
  template <class S>
  static WHET_INLINE typename S::vf load(const Element* p) {
    return S::load_f16(p);
  }
  static WHET_INLINE float scalar(Element e) { return f32_from_f16_bits(e); }
  /// Saturates: an infinity in the cache would turn masked keys into NaN.
  static WHET_INLINE Element from_float(float x) {
    return f16_bits_from_f32(x > 65504.0f ? 65504.0f : x < -65504.0f ? -65504.0f : x);
  }
};
struct KvBF16 : PlainKv<KvBF16, uint16_t> {
  static constexpr DType kType = DType::BF16;
  template <class S>
  static WHET_INLINE typename S::vf load(const Element* p) {
    return S::load_bf16(p);
  }
  static WHET_INLINE float scalar(Element e) { return f32_from_bf16_bits(e); }
  static WHET_INLINE Element from_float(float x) {
    constexpr float kMax = 3.38953139e38f;
    return bf16_bits_from_f32(x > kMax ? kMax : x < -kMax ? -kMax : x);
  }
};
struct KvF32 : PlainKv<KvF32, float> {
  static constexpr DType kType = DType::F32;
  template <class S>
  static WHET_INLINE typename S::vf load(const Element* p) {
    return S::load_f(p);
  }
  static WHET_INLINE float scalar(Element e) { return e; }
  static WHET_INLINE Element from_float(float x) {
    return x > 3.40282347e38f ? 3.40282347e38f : x < -3.40282347e38f ? -3.40282347e38f : x;
  }
};

/// int8 codes with an f16 scale per position and 32 dimensions. A row of values is Q8_0 blocks; a
/// panel of keys has, for each 32 dimensions, 16 scales and then codes as [32][16].
struct KvQ8_0 {
  static constexpr DType kType = DType::Q8_0;
  static constexpr bool kScaled = true;
  static constexpr size_t kPanelDimBytes = kKeyPanel;
  static constexpr size_t kGroup = 32;
  static constexpr size_t kScaleBytes = kKeyPanel * sizeof(uint16_t);
  static constexpr size_t kGroupBytes = kScaleBytes + kGroup * kKeyPanel;
  static constexpr size_t kBlockBytes = sizeof(BlockQ8_0);

  template <class S>
  static WHET_INLINE typename S::vf load_key(const uint8_t* p) {
    return S::load_i8(reinterpret_cast<const int8_t*>(p));
  }
  template <class S>
  static WHET_INLINE typename S::vf load_value(const uint8_t* row, size_t d) {
    const uint8_t* block = row + d / kGroup * kBlockBytes;
    const auto codes = S::load_i8(reinterpret_cast<const int8_t*>(block + 2 + d % kGroup));
    return S::mul(codes, S::set1_f(f32_from_f16_bits(load_as<uint16_t>(block))));
  }
  static WHET_INLINE float value_at(const uint8_t* row, size_t d) {
    const uint8_t* block = row + d / kGroup * kBlockBytes;
    const auto code = static_cast<int8_t>(block[2 + d % kGroup]);
    return f32_from_f16_bits(load_as<uint16_t>(block)) * static_cast<float>(code);
  }
  /// Codes with distance `stride`; returns the scale, f16.
  static uint16_t encode(const float* x, int8_t* codes, size_t stride) {
    float largest = 0.0f;
    for (size_t d = 0; d < kGroup; ++d) largest = std::max(largest, std::fabs(x[d]));
    const uint16_t scale = f16_bits_from_f32(std::min(largest / 127.0f, 65504.0f));
    const float value = f32_from_f16_bits(scale);
    for (size_t d = 0; d < kGroup; ++d) {
      const float q = value > 0.0f ? __builtin_nearbyintf(x[d] / value) : 0.0f;
      codes[d * stride] = static_cast<int8_t>(std::min(std::max(q, -127.0f), 127.0f));
    }
    return scale;
  }
  static void append_key(const float* k, size_t n_dims, uint8_t* panel, size_t key) {
    for (size_t d = 0; d < n_dims; d += kGroup, panel += kGroupBytes) {
      auto* codes = reinterpret_cast<int8_t*>(panel + kScaleBytes) + key;
      const uint16_t scale = encode(k + d, codes, kKeyPanel);
      std::memcpy(panel + key * sizeof(uint16_t), &scale, sizeof(scale));
    }
  }
  static void append_value(const float* v, size_t n_dims, uint8_t* row) {
    for (size_t d = 0; d < n_dims; d += kGroup, row += kBlockBytes) {
      const uint16_t scale = encode(v + d, reinterpret_cast<int8_t*>(row + 2), 1);
      std::memcpy(row, &scale, sizeof(scale));
    }
  }
};

template <class Kv>
void append_kv_as(const AppendKvArgs& a) {
  const size_t key_bytes = kv_row_bytes(Kv::kType, a.key_dim);
  const size_t value_bytes = kv_row_bytes(Kv::kType, a.value_dim);
  for (size_t t = 0; t < a.n_tokens; ++t) {
    const size_t block = (a.position + t) / kKeyBlock * a.block_stride;
    const size_t position = (a.position + t) % kKeyBlock, key = position % kKeyPanel;
    Kv::append_key(a.k + t * a.k_stride, a.key_dim,
                   static_cast<uint8_t*>(a.k_cache) + block + (position - key) * key_bytes, key);
    Kv::append_value(a.v + t * a.v_stride, a.value_dim,
                     static_cast<uint8_t*>(a.v_cache) + block + position * value_bytes);
  }
}

/// What one block of rows carries from key block to key block.
struct AttentionState {
  alignas(64) float q[kBlockRows][kMaxKeyDim];  // scaled
  alignas(64) float p[kBlockRows][kKeyBlock];   // scores, then weights
  alignas(64) float sums[kBlockRows][kMaxValueDim];
  float max[kBlockRows];
  float total[kBlockRows];
  size_t begin[kBlockRows], end[kBlockRows];  // keys that the row sees
  float slope[kBlockRows];
};

/// acc += scores of R rows against the 16 keys of a panel over `n_dims` dimensions, in their order.
template <class S, class Kv, int R>
WHET_INLINE void dot_keys(const uint8_t* keys, size_t n_dims, const float (*q)[kMaxKeyDim],
                          typename S::vf (*acc)[kVecs<S>]) {
  constexpr size_t kBytes = Kv::kPanelDimBytes;
  for (size_t d = 0; d < n_dims; ++d) {
    typename S::vf key[kVecs<S>];
    unroll<kVecs<S>>([&](auto i) WHET_LAMBDA {
      key[i] = Kv::template load_key<S>(keys + d * kBytes + i * (kBytes / kVecs<S>));
    });
    unroll<R>([&](auto r) WHET_LAMBDA {
      const auto x = S::set1_f(q[r][d]);
      unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { acc[r][i] = S::fma(key[i], x, acc[r][i]); });
    });
  }
}

/// Scores of R rows against the 16 keys of one panel.
template <class S, class Kv, int R>
WHET_INLINE void scores(const uint8_t* panel, size_t key_dim, const float (*q)[kMaxKeyDim],
                        float (*out)[kKeyBlock]) {
  typename S::vf acc[R][kVecs<S>];
  const auto clear = [&]() WHET_LAMBDA {
    unroll<R>([&](auto r) WHET_LAMBDA {
      unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { acc[r][i] = S::zero_f(); });
    });
  };
  clear();
  if constexpr (Kv::kScaled) {
    // The tile fills the registers, so that the sums over groups wait in memory.
    for (size_t d = 0; d < key_dim; d += Kv::kGroup, panel += Kv::kGroupBytes) {
      const auto* group = reinterpret_cast<const float(*)[kMaxKeyDim]>(q[0] + d);
      dot_keys<S, Kv, R>(panel + Kv::kScaleBytes, Kv::kGroup, group, acc);
      unroll<kVecs<S>>([&](auto i) WHET_LAMBDA {
        const auto scale = S::load_f16(reinterpret_cast<const uint16_t*>(panel) + i * S::kLanes);
        unroll<R>([&](auto r) WHET_LAMBDA {
          float* sum = out[r] + i * S::kLanes;
          const auto before = d == 0 ? S::zero_f() : S::load_f(sum);
          S::store_f(sum, S::fma(acc[r][i], scale, before));
        });
      });
      clear();
    }
  } else {
    dot_keys<S, Kv, R>(panel, key_dim, q, acc);
    unroll<R>([&](auto r) WHET_LAMBDA {
      unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { S::store_f(out[r] + i * S::kLanes, acc[r][i]); });
    });
  }
}

/// sums[r][0..16) += p[r][key] * v[key][d..d+16) for n_keys keys in order.
template <class S, class Kv, int R>
WHET_INLINE void weigh(const uint8_t* v, size_t row_bytes, size_t d, size_t n_keys,
                       const float (*p)[kKeyBlock], float (*sums)[kMaxValueDim]) {
  typename S::vf acc[R][kVecs<S>];
  unroll<R>([&](auto r) WHET_LAMBDA {
    unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { acc[r][i] = S::load_f(sums[r] + i * S::kLanes); });
  });
  for (size_t key = 0; key < n_keys; ++key) {
    typename S::vf value[kVecs<S>];
    unroll<kVecs<S>>([&](auto i) WHET_LAMBDA {
      value[i] = Kv::template load_value<S>(v + key * row_bytes, d + i * S::kLanes);
    });
    unroll<R>([&](auto r) WHET_LAMBDA {
      const auto x = S::set1_f(p[r][key]);
      unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { acc[r][i] = S::fma(value[i], x, acc[r][i]); });
    });
  }
  unroll<R>([&](auto r) WHET_LAMBDA {
    unroll<kVecs<S>>([&](auto i) WHET_LAMBDA { S::store_f(sums[r] + i * S::kLanes, acc[r][i]); });
  });
}

/// Calls f(constant R, first row) so that all rows are covered by tiles of nearly equal height.
template <class F>
WHET_INLINE void for_row_tiles(int n_rows, F f) {
  const int n_tiles = (n_rows + kTileRows - 1) / kTileRows;
  for (int i = 0; i < n_tiles; ++i) {
    const int begin = n_rows * i / n_tiles;
    const int n = n_rows * (i + 1) / n_tiles - begin;
    unroll<kTileRows>([&](auto r) WHET_LAMBDA {
      if (n == r + 1) f(std::integral_constant<int, r + 1>{}, begin);
    });
  }
}

/// Soft cap and slope of a row's scores of the 16 keys from `key` on.
template <class S>
WHET_INLINE void adjust_scores(const AttentionState& s, float softcap, int row, size_t key,
                               float* p) {
  alignas(64) static constexpr float kSteps[kKeyPanel] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                          8, 9, 10, 11, 12, 13, 14, 15};
  Wide<S> x = Wide<S>::load(p);
  if (softcap > 0.0f) {
    // tanh(z) = 1 - 2 / (e^2z + 1)
    const auto cap = S::set1_f(softcap), one = S::set1_f(1.0f), two = S::set1_f(2.0f);
    const auto twice = S::set1_f(2.0f / softcap);
    x = wide_map<S>(
        [&](typename S::vf v) WHET_LAMBDA {
          const auto e = exp<S>(S::mul(v, twice));
          return S::mul(cap, S::sub(one, S::div(two, S::add(e, one))));
        },
        x);
  }
  if (s.slope[row] != 0.0f) {
    const auto slope = S::set1_f(s.slope[row]);
    const auto position = static_cast<std::ptrdiff_t>(s.end[row]) - 1;
    const auto distance =
        S::set1_f(static_cast<float>(static_cast<std::ptrdiff_t>(key) - position));
    x = wide_zip<S>([&](typename S::vf v, typename S::vf i)
                        WHET_LAMBDA { return S::fma(slope, S::add(distance, i), v); },
                    x, Wide<S>::load(kSteps));
  }
  x.store(p);
}

/// Scores of the block to weights; the row's sums are rescaled when its maximum grows.
template <class S>
WHET_INLINE void softmax_block(AttentionState& s, int row, size_t block, size_t n_keys,
                               size_t value_dim) {
  float* p = s.p[row];
  for (size_t i = 0; i < n_keys; ++i) {
    if (block + i < s.begin[row] || block + i >= s.end[row]) p[i] = -__builtin_inff();
  }
  Wide<S> largest = Wide<S>::set1(s.max[row]);
  for (size_t i = 0; i < n_keys; i += kVirtualLanes) {
    largest = wide_zip<S>([](auto a, auto b) WHET_LAMBDA { return S::max(a, b); }, largest,
                          Wide<S>::load(p + i));
  }
  const float max = wide_max<S>(largest);
  if (max > s.max[row]) {
    alignas(64) float factor[kVirtualLanes];
    wide_map<S>([](auto x) WHET_LAMBDA { return exp<S>(x); }, Wide<S>::set1(s.max[row] - max))
        .store(factor);
    s.total[row] *= factor[0];
    for (size_t d = 0; d < value_dim; ++d) s.sums[row][d] *= factor[0];
    s.max[row] = max;
  }
  const auto offset = S::set1_f(max);
  Wide<S> total = Wide<S>::set1(0.0f);
  for (size_t i = 0; i < n_keys; i += kVirtualLanes) {
    const Wide<S> e =
        wide_map<S>([&](typename S::vf x) WHET_LAMBDA { return exp<S>(S::sub(x, offset)); },
                    Wide<S>::load(p + i));
    total = wide_zip<S>([](auto a, auto b) WHET_LAMBDA { return S::add(a, b); }, total, e);
    e.store(p + i);
  }
  s.total[row] += wide_sum<S>(total);
}

/// The CPU's own prefetchers learn where a stream goes only after some lines of it, which blocks
/// that lie apart cost again and again.
template <class S>
WHET_INLINE void prefetch_start(const uint8_t* stream) {
  constexpr size_t kBytes = 4096, kLine = 64;
  for (size_t at = 0; at < kBytes; at += kLine) S::prefetch(stream + at);
}

template <class S, class Kv>
WHET_INLINE void attend_block(AttentionState& s, int n_rows, const AttentionArgs& a, size_t block,
                              size_t begin, size_t end) {
  const size_t offset = block / kKeyBlock * a.block_stride;
  const auto* keys = static_cast<const uint8_t*>(a.k_cache) + offset;
  const auto* values = static_cast<const uint8_t*>(a.v_cache) + offset;
  const size_t key_bytes = kv_row_bytes(Kv::kType, a.key_dim);
  const size_t value_bytes = kv_row_bytes(Kv::kType, a.value_dim);
  const size_t last = end < block + kKeyBlock ? end : block + kKeyBlock;
  const size_t n_keys = (last - block + kKeyPanel - 1) / kKeyPanel * kKeyPanel;
  const size_t first = begin > block ? begin - block : 0;
  for (size_t i = first / kKeyPanel * kKeyPanel; i < n_keys; i += kKeyPanel) {
    const uint8_t* k = keys + i * key_bytes;
    for_row_tiles(n_rows, [&](auto r, int row) WHET_LAMBDA {
      float(*out)[kKeyBlock] = reinterpret_cast<float(*)[kKeyBlock]>(s.p[row] + i);
      scores<S, Kv, r>(k, a.key_dim, s.q + row, out);
    });
    if (a.softcap == 0.0f && a.slopes == nullptr) continue;
    for (int row = 0; row < n_rows; ++row) {
      adjust_scores<S>(s, a.softcap, row, block + i, s.p[row] + i);
    }
  }
  const uint8_t* v = values + first * value_bytes;
  prefetch_start<S>(v);
  for (int row = 0; row < n_rows; ++row) {
    if (s.begin[row] < last && s.end[row] > block) {
      softmax_block<S>(s, row, block, n_keys, a.value_dim);
    } else {
      std::memset(s.p[row], 0, n_keys * sizeof(float));
    }
  }
  if (last < end) prefetch_start<S>(keys + a.block_stride);
  const size_t n_values = last - block - first;
  for_row_tiles(n_rows, [&](auto r, int row) WHET_LAMBDA {
    const auto* p = reinterpret_cast<const float(*)[kKeyBlock]>(s.p[row] + first);
    size_t d = 0;
    for (; d + kVirtualLanes <= a.value_dim; d += kVirtualLanes) {
      auto* sums = reinterpret_cast<float(*)[kMaxValueDim]>(s.sums[row] + d);
      weigh<S, Kv, r>(v, value_bytes, d, n_values, p, sums);
    }
    for (; d < a.value_dim; ++d) {
      for (size_t key = 0; key < n_values; ++key) {
        const float value = Kv::value_at(v + key * value_bytes, d);
        unroll<r>([&](auto i) WHET_LAMBDA {
          s.sums[row + i][d] = __builtin_fmaf(value, p[i][key], s.sums[row + i][d]);
        });
      }
    }
  });
}

template <class S, class Kv>
void attention_as(const AttentionArgs& a) {
  AttentionState s;
  const size_t n_all = a.n_tokens * a.n_heads;
  for (size_t row0 = 0; row0 < n_all; row0 += kBlockRows) {
    const int n_rows = static_cast<int>(n_all - row0 < kBlockRows ? n_all - row0 : kBlockRows);
    size_t begin = SIZE_MAX, end = 0;
    for (int i = 0; i < n_rows; ++i) {
      const size_t token = (row0 + i) / a.n_heads, head = (row0 + i) % a.n_heads;
      const float* q = a.q + token * a.q_stride + head * a.key_dim;
      for (size_t d = 0; d < a.key_dim; ++d) s.q[i][d] = q[d] * a.scale;
      for (size_t d = 0; d < a.value_dim; ++d) s.sums[i][d] = 0.0f;
      s.max[i] = a.sinks != nullptr ? a.sinks[head] : -__builtin_inff();
      s.total[i] = a.sinks != nullptr ? 1.0f : 0.0f;
      s.slope[i] = a.slopes != nullptr ? a.slopes[head] : 0.0f;
      s.end[i] = a.first_position + token + 1;
      s.begin[i] = a.window != 0 && s.end[i] > a.window ? s.end[i] - a.window : 0;
      begin = s.begin[i] < begin ? s.begin[i] : begin;
      end = s.end[i] > end ? s.end[i] : end;
    }
    for (size_t block = begin / kKeyBlock * kKeyBlock; block < end; block += kKeyBlock) {
      attend_block<S, Kv>(s, n_rows, a, block, begin, end);
    }
    for (int i = 0; i < n_rows; ++i) {
      const size_t token = (row0 + i) / a.n_heads, head = (row0 + i) % a.n_heads;
      float* out = a.out + token * a.out_stride + head * a.value_dim;
      // + 0: a negative zero may or may not have met masked keys, and must not show it.
      for (size_t d = 0; d < a.value_dim; ++d) out[d] = s.sums[i][d] / s.total[i] + 0.0f;
    }
  }
}

template <class S>
void attention_of(const AttentionArgs& a) {
  switch (a.type) {
    case DType::F16:
      return attention_as<S, KvF16>(a);
    case DType::BF16:
      return attention_as<S, KvBF16>(a);
    case DType::F32:
      return attention_as<S, KvF32>(a);
    case DType::Q8_0:
      return attention_as<S, KvQ8_0>(a);
    default:
      return;
  }
}
inline void append_kv_of(const AppendKvArgs& a) {
  switch (a.type) {
    case DType::F16:
      return append_kv_as<KvF16>(a);
    case DType::BF16:
      return append_kv_as<KvBF16>(a);
    case DType::F32:
      return append_kv_as<KvF32>(a);
    case DType::Q8_0:
      return append_kv_as<KvQ8_0>(a);
    default:
      return;
  }
}

}  // namespace
}  // namespace whet::kernels
