// The driver of products with integer codes (linear_float.h has that of floats): rows of W in
// panels, columns in blocks, tokens in tiles. Few tokens: one panel at a time, straight down its
// rows, bound by memory. Many: groups of panels share a block of activations in L2 while each panel
// stays in L1 for all tiles of the chunk.
#pragma once

#include <type_traits>

#include "kernels/kernels.h"
#include "kernels/linear_ops.h"

namespace whet::kernels {
namespace {

/// Tokens of one chunk and panel pairs of one group: 256 * 352 bytes of activations and
/// 256 * 4 * 64 bytes of sums take 154 KB of a 512 KB L2.
inline constexpr size_t kChunkTokens = 256;
inline constexpr size_t kGroupPairs = 4;

/// Floats for the sums of a chunk of tokens by a group of rows. One buffer per thread for all
/// formats of an instruction set: a thread_local in each driver would be megabytes of every
/// thread's stack.
inline constexpr size_t kSums = 32 * 1024;
WHET_NOINLINE float* chunk_sums() {
  alignas(64) static thread_local float sums[kSums];
  return sums;
}

/// Rows of one panel. The last panel of a range begins early enough to be full and repeats rows
/// that are already done; a matrix lower than a panel is taken one row at a time with stride 0,
/// all lanes the same. So no unpacking code ever sees a partial panel.
struct PanelRows {
  const uint8_t* base;  // row of lane 0
  size_t stride;
  size_t first;  // row of lane 0
  size_t begin;  // rows to store: [begin, end)
  size_t end;
};

/// Block b of a panel. Rows as in the file: of the panel `ahead_rows` further as much is
/// prefetched.
template <class S, class Source>
WHET_INLINE Source source_of(const PanelRows& rows, size_t block_bytes, int b, size_t ahead_rows) {
  const size_t panel_block = S::kLanes * block_bytes;
  if constexpr (std::is_same_v<Source, FileRows>) {
    return {rows.base + b * block_bytes, rows.stride,
            rows.base + ahead_rows * rows.stride + b * panel_block};
  } else {
    return {rows.base + b * panel_block};
  }
}

template <class S>
struct RowPlan {
  const uint8_t* weights;
  size_t row_bytes;
  size_t row_begin, row_end;

  bool tiny() const { return row_end < S::kLanes; }
  size_t step() const { return tiny() ? 1 : S::kLanes; }
  /// The panel that begins at row n (rows beyond the range: a panel with nothing to store).
  WHET_INLINE PanelRows at(size_t n) const {
    const size_t last = row_end - step();
    const size_t first = n < last ? n : last;
    const size_t end = n + step() < row_end ? n + step() : row_end;
    return {weights + first * row_bytes, tiny() ? 0 : row_bytes, first, n < end ? n : end, end};
  }
};

/// c holds the panel's sums of one token with lanes = rows.
template <class S>
WHET_INLINE void store_rows(const PanelRows& rows, const float* c, float* y) {
  if (rows.end - rows.begin == S::kLanes) {
    S::store_f(y + rows.begin, S::load_f(c));
  } else {
    for (size_t n = rows.begin; n < rows.end; ++n) y[n] = c[n - rows.first];
  }
}

/// T tokens, one panel at a time.
template <class S, class Ops, class Source, int T>
void linear_narrow(const LinearArgs& a) {
  const RowPlan<S> plan{static_cast<const uint8_t*>(a.weights), Ops::row_bytes(a.n_cols),
                        a.row_begin, a.row_end};
  const auto* x = static_cast<const typename Ops::Activations*>(a.activations);
  const int n_blocks = Ops::n_blocks(a.n_cols);
  for (size_t n = a.row_begin; n < a.row_end; n += plan.step()) {
    const PanelRows rows = plan.at(n);
    alignas(64) float c[T * S::kLanes];
    unroll<T>([&](auto t) WHET_LAMBDA { S::store_f(c + t * S::kLanes, S::zero_f()); });
    for (int b = 0; b < n_blocks; ++b) {
      const auto src = source_of<S, Source>(rows, Ops::kBlockBytes, b, S::kLanes);
      Ops::template fused<S, T>(src, x + b * a.n_tokens, Ops::block_cols(a.n_cols, b), c);
    }
    for (int t = 0; t < T; ++t) store_rows<S>(rows, c + t * S::kLanes, a.y + t * a.y_stride);
  }
}

/// One token, of whose groups of 32 columns some are not read. The additions that are left are
/// those of linear_narrow(), in its order; one left out would add a zero to a sum, which begins at
/// +0 and so is never -0.
template <class S, class Ops, class Source>
void linear_skipping(const LinearArgs& a) {
  constexpr size_t kGroupBytes = Ops::kGroupBytes, kPanelBytes = S::kLanes * kGroupBytes;
  // Further than where all groups are read: what skips is no stream that hardware would follow.
  constexpr size_t kGroupsAhead = 8192 / kPanelBytes + 1;
  const RowPlan<S> plan{static_cast<const uint8_t*>(a.weights), Ops::row_bytes(a.n_cols),
                        a.row_begin, a.row_end};
  const auto* x = static_cast<const typename Ops::Activations*>(a.activations);
  const size_t n_kept = a.n_kept_groups;
  for (size_t n = a.row_begin; n < a.row_end; n += plan.step()) {
    const PanelRows rows = plan.at(n);
    typename S::vf y = S::zero_f();
    // Of rows as in the file nearly every line holds a block that is kept: all of the next panel's
    // are fetched. Interleaved, a group is a run of lines of its own.
    const uint8_t* ahead = rows.base + S::kLanes * rows.stride;
    const uint8_t* const next_panel = ahead;
    for (size_t i = 0; i < n_kept; ++i) {
      const size_t g = a.kept_groups[i];
      const auto src = source_of<S, Source>(rows, kGroupBytes, static_cast<int>(g), S::kLanes);
      if constexpr (std::is_same_v<Source, FileRows>) {
        const uint8_t* const until =
            i + 1 == n_kept ? next_panel + S::kLanes * rows.stride : src.ahead + kPanelBytes;
        for (; ahead < until; ahead += 64) S::prefetch(ahead);
      } else {
        const size_t later = i + kGroupsAhead;
        const uint8_t* const group =
            later < n_kept ? rows.base + a.kept_groups[later] * kPanelBytes
                           : next_panel + a.kept_groups[(later - n_kept) % n_kept] * kPanelBytes;
        unroll<(kPanelBytes + 63) / 64>([&](auto line)
                                            WHET_LAMBDA { S::prefetch(group + 64 * line); });
      }
      Ops::template fused_group<S>(src, x, static_cast<int>(g), y);
    }
    alignas(64) float c[S::kLanes];
    S::store_f(c, y);
    store_rows<S>(rows, c, a.y);
  }
}

template <class S, class Ops, class Source>
void linear_wide(const LinearArgs& a) {
  using Panel = typename Ops::template Panel<S>;
  using TokenSums = float[2 * S::kLanes];
  static_assert(kGroupPairs * kChunkTokens * 2 * S::kLanes <= kSums);
  auto* const sums = reinterpret_cast<TokenSums(*)[kChunkTokens]>(chunk_sums());
  const RowPlan<S> plan{static_cast<const uint8_t*>(a.weights), Ops::row_bytes(a.n_cols),
                        a.row_begin, a.row_end};
  const auto* x = static_cast<const typename Ops::Activations*>(a.activations);
  const int n_blocks = Ops::n_blocks(a.n_cols);
  const size_t pair_rows = 2 * plan.step();
  // With few tokens the weights are what streams: then keep to few rows at a time.
  const size_t group_pairs = a.n_tokens <= 16 ? 1 : kGroupPairs;
  const size_t ahead_rows = group_pairs * pair_rows;
  for (size_t n0 = a.row_begin; n0 < a.row_end; n0 += group_pairs * pair_rows) {
    const size_t pairs_left = (a.row_end - n0 + pair_rows - 1) / pair_rows;
    const size_t n_pairs = pairs_left < group_pairs ? pairs_left : group_pairs;
    for (size_t t0 = 0; t0 < a.n_tokens; t0 += kChunkTokens) {
      const size_t n_tokens = a.n_tokens - t0 < kChunkTokens ? a.n_tokens - t0 : kChunkTokens;
      for (size_t p = 0; p < n_pairs; ++p) std::memset(sums[p], 0, n_tokens * sizeof(sums[p][0]));
      for (int b = 0; b < n_blocks; ++b) {
        const int cols = Ops::block_cols(a.n_cols, b);
        for (size_t p = 0; p < n_pairs; ++p) {
          Panel panels[2];
          const uint8_t* ahead[2];
          for (int r = 0; r < 2; ++r) {
            const PanelRows rows = plan.at(n0 + (2 * p + r) * plan.step());
            const auto src = source_of<S, Source>(rows, Ops::kBlockBytes, b, ahead_rows);
            Ops::template unpack<S>(src, cols, panels[r]);
            ahead[r] = src.ahead;
          }
          Ops::template tiles<S>(panels, {ahead[0], ahead[1]}, x + b * a.n_tokens + t0, cols,
                                 n_tokens, sums[p][0]);
        }
      }
      for (size_t p = 0; p < n_pairs; ++p) {
        for (int r = 0; r < 2; ++r) {
          const PanelRows rows = plan.at(n0 + (2 * p + r) * plan.step());
          for (size_t t = 0; t < n_tokens; ++t) {
            store_rows<S>(rows, sums[p][t] + r * S::kLanes, a.y + (t0 + t) * a.y_stride);
          }
        }
      }
    }
  }
}

template <class S, class Ops, class Source>
void linear_of(const LinearArgs& a) {
  if (a.n_tokens == 0) return;
  if constexpr (Ops::kSkipsGroups) {
    if (a.kept_groups != nullptr) return linear_skipping<S, Ops, Source>(a);
  }
  bool done = false;
  unroll<Ops::template kFusedTokens<S>>([&](auto t) WHET_LAMBDA {
    if (a.n_tokens == t + 1) {
      linear_narrow<S, Ops, Source, t + 1>(a);
      done = true;
    }
  });
  if (!done) linear_wide<S, Ops, Source>(a);
}

}  // namespace
}  // namespace whet::kernels
