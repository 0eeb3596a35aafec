// What the driver in linear.h needs to know of each family of formats: block of columns, panel,
// unpacking, micro-kernel.
#pragma once

#include "kernels/format_float.h"
#include "kernels/micro_int.h"

namespace whet::kernels {
namespace {

template <class F>
struct Ops256 {
  using Activations = Activations256;
  template <class S>
  using Panel = Panel256<S>;
  template <class S, int T>
  static constexpr int kNarrowPanels = 1;
  template <class S>
  static constexpr int kTileTokens = S::kTileTokens;
  static constexpr size_t kBlockBytes = sizeof(typename F::Block);
  static size_t row_bytes(size_t n_cols) { return n_cols / 256 * kBlockBytes; }
  static int n_blocks(size_t n_cols) { return static_cast<int>(n_cols / 256); }
  static WHET_INLINE int block_cols(size_t, int) { return 256; }

  template <class S>
  static WHET_INLINE void unpack(const PanelSource& src, int, Panel<S>& panel) {
    F::template unpack<S>(src, panel);
  }
  template <class S, int R, int T>
  static WHET_INLINE void micro(const Panel<S>* panels, const Activations* x, int, float* c) {
    micro256<S, F, R, T>(panels, x, c);
  }
};

template <class F>
struct Ops32 {
  using Activations = Activations32;
  template <class S>
  using Panel = Panel32<S>;
  template <class S, int T>
  static constexpr int kNarrowPanels = 1;
  template <class S>
  static constexpr int kTileTokens = F::kSigned ? S::kSignedTileTokens : S::kTileTokens;
  static constexpr size_t kGroupBytes = sizeof(typename F::Block);
  static constexpr size_t kBlockBytes = 8 * kGroupBytes;
  static size_t row_bytes(size_t n_cols) { return n_cols / 32 * kGroupBytes; }
  static int n_blocks(size_t n_cols) { return static_cast<int>((n_cols + 255) / 256); }
  static WHET_INLINE int block_cols(size_t n_cols, int b) {
    const int left = static_cast<int>(n_cols) - 256 * b;
    return left < 256 ? left : 256;
  }

  template <class S>
  static WHET_INLINE void unpack(const PanelSource& src, int n_cols, Panel<S>& panel) {
    constexpr int kBytes = int{kGroupBytes} * S::kLanes;
    for (int g = 0; g < n_cols / 32; ++g) {
      prefetch_share<S, 0, 1, kBytes>(src.ahead + g * kBytes);
      F::template unpack<S>({src.rows + g * kGroupBytes, src.stride, nullptr}, panel.codes + 8 * g,
                            panel.d[g], panel.m[g]);
    }
  }
  template <class S, int R, int T>
  static WHET_INLINE void micro(const Panel<S>* panels, const Activations* x, int n_cols,
                                float* c) {
    micro32<S, F, R, T>(panels, x, n_cols / 32, c);
  }
};

template <class F>
struct OpsFloat {
  using Activations = ActivationsFloat;
  template <class S>
  using Panel = PanelFloat<S>;
  // One chain of fmas per lane: with one token only several panels hide their latency.
  template <class S, int T>
  static constexpr int kNarrowPanels = T == 1 ? 2 : 1;
  template <class S>
  static constexpr int kTileTokens = S::kFloatTileTokens;
  static constexpr size_t kBlockBytes = kFloatCols * F::kBytes;
  static size_t row_bytes(size_t n_cols) { return n_cols * F::kBytes; }
  static int n_blocks(size_t n_cols) {
    return static_cast<int>((n_cols + kFloatCols - 1) / kFloatCols);
  }
  static WHET_INLINE int block_cols(size_t n_cols, int b) {
    const int left = static_cast<int>(n_cols) - int{kFloatCols} * b;
    return left < int{kFloatCols} ? left : int{kFloatCols};
  }

  template <class S>
  static WHET_INLINE void unpack(const PanelSource& src, int n_cols, Panel<S>& panel) {
    F::template unpack<S>(src, n_cols, panel);
  }
  template <class S, int R, int T>
  static WHET_INLINE void micro(const Panel<S>* panels, const Activations* x, int n_cols,
                                float* c) {
    micro_float<S, R, T>(panels, x, n_cols, c);
  }
};

}  // namespace
}  // namespace whet::kernels
