// What the driver in linear.h needs to know of each family of integer formats: blocks of columns,
// panels, unpacking, and the micro-kernel over all tokens.
#pragma once

#include "kernels/micro_int.h"
#include "kernels/tiles.h"

namespace whet::kernels {
namespace {

// Two panels by all tokens. Out of line, because formats with the same arithmetic share them.
template <class S, class Arithmetic>
WHET_NOINLINE void tiles256(const Panel256<S>* panels, Ahead ahead, const Activations256* x,
                            size_t n_tokens, float* c) {
  // The first tile prefetches for one panel, the second for the other; a single one for both.
  Ahead now{ahead.first, n_tokens <= S::kTileTokens ? ahead.second : nullptr};
  for_tiles<S::kTileTokens>(n_tokens, [&](auto n, size_t t) WHET_LAMBDA {
    micro256<S, Arithmetic, 2, n>(panels, x + t, now, c + t * 2 * S::kLanes);
    now = t == 0 ? Ahead{ahead.second} : Ahead{};
  });
}
template <class S, class Arithmetic>
WHET_NOINLINE void tiles32(const Panel32<S>* panels, const Activations32* x, int n_groups,
                           size_t n_tokens, float* c) {
  constexpr int kTokens = Arithmetic::kSigned ? S::kSignedTileTokens : S::kTileTokens;
  for_tiles<kTokens>(n_tokens, [&](auto n, size_t t) WHET_LAMBDA {
    micro32<S, Arithmetic, 2, n>(panels, x + t, n_groups, c + t * 2 * S::kLanes);
  });
}
/// MaxFused: up to this many tokens fused() replaces panels, if the policy wants it. One for
/// formats that are rarely met, because every count is another body to compile.
template <class F, int MaxFused = 4>
struct Ops256 {
  using Activations = Activations256;
  static constexpr bool kSkipsGroups = false;
  template <class S>
  using Panel = Panel256<S>;
  template <class S>
  static constexpr int kFusedTokens = S::kFusedTokens < MaxFused ? S::kFusedTokens : MaxFused;
  static constexpr size_t kBlockBytes = sizeof(typename F::Block);
  static size_t row_bytes(size_t n_cols) { return n_cols / 256 * kBlockBytes; }
  static int n_blocks(size_t n_cols) { return static_cast<int>(n_cols / 256); }
  static int block_cols(size_t, int) { return 256; }

  template <class S, class Source>
  static WHET_NOINLINE void unpack(const Source& src, int, Panel<S>& panel) {
    for_parts<S, F>(src, panel.header, [&](size_t part, auto unpack_part) WHET_LAMBDA {
      auto* codes = panel.codes + F::first_step(part);
      unpack_part([&](auto step, typename S::vi v) WHET_LAMBDA { S::store_i(codes[step], v); });
    });
  }
  template <class S, int T, class Source>
  static WHET_INLINE void fused(const Source& src, const Activations* x, int, float* c) {
    fused256<S, F, T>(src, x, c);
  }
  template <class S>
  static WHET_INLINE void tiles(const Panel<S>* panels, Ahead ahead, const Activations* x, int,
                                size_t n_tokens, float* c) {
    tiles256<S, typename F::Arithmetic>(panels, ahead, x, n_tokens, c);
  }
};

template <class F, int MaxFused = 4>
struct Ops32 {
  using Activations = Activations32;
  static constexpr bool kSkipsGroups = true;
  template <class S>
  using Panel = Panel32<S>;
  template <class S>
  static constexpr int kFusedTokens = S::kFusedTokens < MaxFused ? S::kFusedTokens : MaxFused;
  static constexpr size_t kGroupBytes = sizeof(typename F::Block);
  static constexpr size_t kBlockBytes = 8 * kGroupBytes;
  static size_t row_bytes(size_t n_cols) { return n_cols / 32 * kGroupBytes; }
  static int n_blocks(size_t n_cols) { return static_cast<int>((n_cols + 255) / 256); }
  static int block_cols(size_t n_cols, int b) {
    const int left = static_cast<int>(n_cols) - 256 * b;
    return left < 256 ? left : 256;
  }

  template <class S, class Source>
  static WHET_NOINLINE void unpack(const Source& src, int n_cols, Panel<S>& panel) {
    constexpr int kBytes = int{kGroupBytes} * S::kLanes;
    for (int g = 0; g < n_cols / 32; ++g) {
      const Source group = src.template skip<S>(g * kGroupBytes);
      prefetch_part<S, 1, kBytes>(group.ahead, 0);
      const auto put = [&](auto step, typename S::vi codes)
                           WHET_LAMBDA { S::store_i(panel.codes[8 * g + step], codes); };
      F::template unpack<S>(group, panel.factors[g], put);
    }
  }
  template <class S, int T, class Source>
  static WHET_INLINE void fused(const Source& src, const Activations* x, int n_cols, float* c) {
    fused32<S, F, T>(src, x, n_cols / 32, c);
  }
  /// Group g of the row: y += its product.
  template <class S, class Source>
  static WHET_INLINE void fused_group(const Source& group, const Activations* x, int g,
                                      typename S::vf& y) {
    fused32_group<S, F, 1>(group, x + g / 8, g % 8, &y);
  }
  template <class S>
  static WHET_INLINE void tiles(const Panel<S>* panels, Ahead, const Activations* x, int n_cols,
                                size_t n_tokens, float* c) {
    tiles32<S, typename F::Arithmetic>(panels, x, n_cols / 32, n_tokens, c);
  }
};

}  // namespace
}  // namespace whet::kernels
