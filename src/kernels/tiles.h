// Tokens in register tiles.
#pragma once

#include "kernels/simd.h"

namespace whet::kernels {
namespace {

/// Cuts n_tokens into tiles of at most T, of nearly equal size: body(Index<size>, first token).
template <int T, class F>
WHET_INLINE void for_tiles(size_t n_tokens, F body) {
  const size_t n_tiles = (n_tokens + T - 1) / T;
  for (size_t i = 0; i < n_tiles; ++i) {
    const size_t t = n_tokens * i / n_tiles, n = n_tokens * (i + 1) / n_tiles - t;
    unroll<T>([&](auto m) WHET_LAMBDA {
      if (n == m + 1) body(Index<m + 1>{}, t);
    });
  }
}

}  // namespace
}  // namespace whet::kernels
