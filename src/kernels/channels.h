// Products that skip input channels: weights lie channel by channel (channel_layout.h), and of a
// block of 32 channels only the rows of those that are kept are read. The codes, the factors and
// the order of float operations are those of the row-major kernels of the same type (one fma per
// 32 channels, and one for the mins), so a product is the dense one of the same x with zeros in
// place of what is left out, bit by bit.
#pragma once

#include "kernels/channel_layout.h"
#include "kernels/kernels.h"
#include "kernels/quantize.h"
#include "kernels/simd.h"

namespace whet::kernels {
namespace {

/// Where a block of 32 channels of a tile lies, and of the next one that is read.
struct ChannelRows {
  const uint8_t* rows[kChannelBlock];  // of the kept channels
  const uint8_t* factors;

  WHET_INLINE void find(const uint8_t* block, size_t row_bytes, const ChannelActivations& x) {
    const int n = 4 * x.n_quads;
    for (int i = 0; i < n; ++i) rows[i] = block + x.channel[i] * row_bytes;
    for (int i = n; i < static_cast<int>(kChannelBlock); ++i) rows[i] = block;
    factors = block + kChannelBlock * row_bytes;
  }
};

/// y[0..kVectors * kLanes) += scale * dx * sums, and the mins.
template <class S, int N>
WHET_INLINE void finish_scale(const typename S::vi* sums, const uint8_t* d, float dx, float* y) {
  unroll<N>([&](auto j) WHET_LAMBDA {
    const auto scale =
        S::mul(S::load_f16(reinterpret_cast<const uint16_t*>(d) + j * S::kLanes), S::set1_f(dx));
    float* out = y + j * S::kLanes;
    S::store_f(out, S::fma(S::to_float(sums[j]), scale, S::load_f(out)));
  });
}
template <class S, int N>
WHET_INLINE void finish_min(const uint8_t* m, float sum, float* y) {
  unroll<N>([&](auto j) WHET_LAMBDA {
    const auto min = S::load_f16(reinterpret_cast<const uint16_t*>(m) + j * S::kLanes);
    float* out = y + j * S::kLanes;
    S::store_f(out, S::fma(min, S::set1_f(sum), S::load_f(out)));
  });
}

struct ChannelsQ4_0 {
  static constexpr bool kSigned = false;
  static constexpr int kBits = 4, kFactors = 1;
  template <class S>
  static WHET_INLINE typename S::vi start(const ChannelActivations& x) {
    return S::broadcast4(&x.offset8);
  }
};
struct ChannelsQ4_1 {
  static constexpr bool kSigned = false;
  static constexpr int kBits = 4, kFactors = 2;
  template <class S>
  static WHET_INLINE typename S::vi start(const ChannelActivations&) {
    return S::zero_i();
  }
};
struct ChannelsQ8_0 {
  static constexpr bool kSigned = true;
  static constexpr int kBits = 8, kFactors = 1;
  template <class S>
  static WHET_INLINE typename S::vi start(const ChannelActivations& x) {
    return S::signed_start(&x.offset16);
  }
};

/// Two 16-bit sums of 15 * 127 for each of 8 quads fit, so that no policy has to widen earlier.
static_assert(8 * 2 * 15 * 127 <= 32767);

template <class S, class F>
void linear_channels_of(const ChannelArgs& a) {
  using vi = typename S::vi;
  constexpr int kVectorBytes = 4 * S::kLanes;
  constexpr int kSums = F::kBits == 4 ? 8 : 4;
  constexpr size_t kUnit = kSums * S::kLanes;
  static_assert(kChannelRowsMultiple % kUnit == 0);
  const size_t row = a.n_rows * F::kBits / 8, plane = a.n_rows * sizeof(uint16_t);
  const size_t block_bytes = kChannelBlock * row + F::kFactors * plane;
  for (size_t n = 0; n < a.n_rows; n += S::kLanes) S::store_f(a.y + n, S::zero_f());
  const auto next_used = [&](size_t from) WHET_LAMBDA {
    while (from < a.block_end && a.x[from].n_quads == 0) ++from;
    return from;
  };
  size_t b = next_used(a.block_begin);
  if (b == a.block_end) return;
  const auto* tile = reinterpret_cast<const uint8_t*>(a.tile);
  ChannelRows now, ahead;
  now.find(tile + b * block_bytes, row, a.x[b]);
  while (b < a.block_end) {
    const ChannelActivations& x = a.x[b];
    const size_t next = next_used(b + 1);
    const size_t shown = next < a.block_end ? next : b;
    ahead.find(tile + shown * block_bytes, row, a.x[shown]);
    const int n_quads = x.n_quads, n_ahead = a.x[shown].n_quads;
    size_t at = 0;
    for (size_t n = 0; n < a.n_rows; n += kUnit, at += kVectorBytes) {
      const bool fetches = kVectorBytes >= 64 || at % 64 == 0;
      vi sums[kSums];
      unroll<kSums>([&](auto j) WHET_LAMBDA { sums[j] = F::template start<S>(x); });
      for (int q = 0; q < n_quads; ++q) {
        vi rows[4], codes[4];
        unroll<4>([&](auto i) WHET_LAMBDA { rows[i] = S::load_i(now.rows[4 * q + i] + at); });
        if (fetches) {
          unroll<4>([&](auto i) WHET_LAMBDA { S::prefetch(ahead.rows[4 * q + i] + at); });
        }
        S::zip4(rows, codes);
        const auto quad = S::quad(x.q + 4 * q);
        if constexpr (F::kSigned) {
          unroll<4>([&](auto j) WHET_LAMBDA {
            sums[j] = S::dot_signed(sums[j], S::signed_weights(S::prepare_signed(codes[j])), quad);
          });
        } else {
          const vi low = S::set1_i(0x0f0f0f0fu);
          unroll<4>([&](auto j) WHET_LAMBDA {
            sums[j] = S::dot(sums[j], S::bit_and(codes[j], low), quad);
            sums[4 + j] =
                S::dot(sums[4 + j], S::bit_and(S::template shift_right<4>(codes[j]), low), quad);
          });
        }
      }
      for (int q = n_quads; q < n_ahead && fetches; ++q) {
        unroll<4>([&](auto i) WHET_LAMBDA { S::prefetch(ahead.rows[4 * q + i] + at); });
      }
      unroll<F::kFactors * kUnit * 2 / 64 + (F::kFactors * kUnit * 2 % 64 != 0)>(
          [&](auto i) WHET_LAMBDA { S::prefetch(ahead.factors + F::kFactors * 2 * n + 64 * i); });
      if constexpr (!F::kSigned) {
        unroll<kSums>([&](auto j) WHET_LAMBDA { sums[j] = S::widen(sums[j]); });
      }
      finish_scale<S, kSums>(sums, now.factors + 2 * n, x.d, a.y + n);
      if constexpr (F::kFactors == 2) {
        finish_min<S, kSums>(now.factors + plane + 2 * n, x.sum, a.y + n);
      }
    }
    now = ahead;
    b = next;
  }
}

template <class S>
void linear_channels_any(const ChannelArgs& a) {
  switch (a.type) {
    case DType::Q4_0:
      return linear_channels_of<S, ChannelsQ4_0>(a);
    case DType::Q4_1:
      return linear_channels_of<S, ChannelsQ4_1>(a);
    case DType::Q8_0:
      return linear_channels_of<S, ChannelsQ8_0>(a);
    default:
      return;  // has_channel_layout() is false
  }
}

template <class S>
void quantize_channels_of(const QuantizeChannelsArgs& a) {
  for (size_t b = 0; b < a.n / kChannelBlock; ++b) {
    ChannelActivations& out = a.out[b];
    const uint32_t kept = a.kept[b];
    float x[kChannelBlock];
    for (size_t i = 0; i < kChannelBlock; ++i) {
      x[i] = (kept >> i & 1) != 0 ? a.x[kChannelBlock * b + i] : 0.0f;
    }
    int8_t q[kChannelBlock];
    out.d = quantize_block<S>(x, kChannelBlock, q);
    int n = 0, sums[2] = {0, 0};
    for (uint32_t rest = kept; rest != 0; rest &= rest - 1, ++n) {
      const int channel = __builtin_ctz(rest);
      out.channel[n] = static_cast<uint8_t>(channel);
      out.q[n] = q[channel];
      sums[n % 4 / 2] += q[channel];
    }
    out.n_quads = (n + 3) / 4;
    for (; n % 4 != 0; ++n) {  // a row that is read anyway, times zero
      out.channel[n] = out.channel[n - 1];
      out.q[n] = 0;
    }
    out.offset8 = offset_form<S>(sums[0], sums[1], 8);
    out.offset16 = offset_form<S>(sums[0], sums[1], 16);
    out.sum = out.d * static_cast<float>(sums[0] + sums[1]);
  }
}

/// How many keys are below `limit`, which is below 2^31 as they are.
template <class S>
WHET_INLINE size_t count_below(const uint32_t* keys, size_t n, uint32_t limit) {
  using vi = typename S::vi;
  constexpr size_t kSums = 32 / S::kLanes;
  const vi minus = S::set1_i(0u - limit);
  vi counts[kSums];
  unroll<kSums>([&](auto j) WHET_LAMBDA { counts[j] = S::zero_i(); });
  for (size_t i = 0; i < n; i += 32) {
    unroll<kSums>([&](auto j) WHET_LAMBDA {
      const vi difference = S::add32(S::load_i(keys + i + j * S::kLanes), minus);
      counts[j] = S::add32(counts[j], S::template shift_right32<31>(difference));
    });
  }
  size_t total = 0;
  uint32_t lanes[S::kLanes];
  unroll<kSums>([&](auto j) WHET_LAMBDA {
    S::store_i(lanes, counts[j]);
    for (const uint32_t lane : lanes) total += lane;
  });
  return total;
}

/// |x * score| as integers, which are ordered as the numbers are, NaN above all; behind the last
/// one zeros.
template <class S>
void find_keys(const ChooseChannelsArgs& a) {
  const auto magnitude = S::set1_i(0x7fffffffu);
  size_t i = 0;
  for (; i + S::kLanes <= a.n; i += S::kLanes) {
    const auto x = S::load_f(a.x + i);
    float scored[S::kLanes];
    S::store_f(scored, a.score == nullptr ? x : S::mul(x, S::load_f(a.score + i)));
    S::store_i(a.scratch + i, S::bit_and(S::load_i(scored), magnitude));
  }
  for (; i < a.n; ++i) {
    const float scored = a.score == nullptr ? a.x[i] : a.x[i] * a.score[i];
    a.scratch[i] = load_as<uint32_t>(&scored) & 0x7fffffffu;
  }
  for (; i % 32 != 0; ++i) a.scratch[i] = 0;
}

/// Bit i: keys[i] is no smaller than `limit`, of 32.
template <class S>
WHET_INLINE uint32_t bits_from(const uint32_t* keys, uint32_t limit) {
  const auto minus = S::set1_i(0u - limit);
  uint32_t below = 0;
  unroll<32 / S::kLanes>([&](auto j) WHET_LAMBDA {
    const auto difference = S::add32(S::load_i(keys + j * S::kLanes), minus);
    below |= S::sign_bits(difference) << (j * S::kLanes);
  });
  return ~below;
}

/// The lowest n of the bits that are set.
WHET_INLINE uint32_t first_bits(uint32_t bits, size_t n) {
  uint32_t first = 0;
  for (; n > 0 && bits != 0; --n, bits &= bits - 1) first |= bits & (0u - bits);
  return first;
}

template <class S>
void choose_channels_of(const ChooseChannelsArgs& a) {
  const size_t n_blocks = (a.n + 31) / 32;
  if (a.keep == 0 || a.keep >= a.n) {
    std::memset(a.kept, a.keep == 0 ? 0 : 0xff, n_blocks * sizeof(uint32_t));
    if (a.keep != 0 && a.n % 32 != 0) a.kept[n_blocks - 1] = (1u << a.n % 32) - 1;
    return;
  }
  find_keys<S>(a);
  // Of all keys at least `keep` are no smaller than low, and fewer, n_above, no smaller than high.
  uint32_t low = 0, high = 0x80000000u;
  size_t n_above = 0;
  bool exact = false;
  while (high - low > 1 && !exact) {
    const uint32_t middle = low + (high - low) / 2;
    const size_t n = 32 * n_blocks - count_below<S>(a.scratch, 32 * n_blocks, middle);
    exact = n == a.keep;
    if (n < a.keep) n_above = n;
    (n < a.keep ? high : low) = middle;
  }
  size_t ties = a.keep - n_above;  // of the keys that are equal to low
  for (size_t b = 0; b < n_blocks; ++b) {
    const uint32_t from = bits_from<S>(a.scratch + 32 * b, low);
    if (exact) {
      a.kept[b] = from;
    } else {
      const uint32_t above = bits_from<S>(a.scratch + 32 * b, high);
      const uint32_t taken = first_bits(from & ~above, ties);
      ties -= static_cast<size_t>(__builtin_popcount(taken));
      a.kept[b] = above | taken;
    }
  }
}

}  // namespace
}  // namespace whet::kernels
