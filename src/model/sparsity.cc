#include "model/sparsity.h"

#include <algorithm>
#include <bit>
#include <functional>

namespace whet {

std::array<SparsityShape, kSparsitySites> sparsity_shapes(const LayerForm& layer, int64_t d_model) {
  const AttentionBlockForm& a = layer.attention;
  const int64_t q = a.n_heads * a.head_dim, kv = a.n_kv_heads * a.head_dim;
  const int64_t into_ffn = layer.ffn.gated ? 2 * layer.ffn.dim : layer.ffn.dim;
  return {{{d_model, q + 2 * kv}, {q, d_model}, {d_model, into_ffn}, {layer.ffn.dim, d_model}}};
}

bool has_sparsity_sites(const LayerForm& layer) {
  return layer.norm_before && layer.residual == Residual::kSequential &&
         layer.mixer == Mixer::kAttention && layer.experts.n_experts == 0 && layer.ffn.dim > 0;
}

namespace {

/// Orders as the magnitude does, NaN behind all numbers.
uint32_t size_of(float x) {
  return std::bit_cast<uint32_t>(x) & 0x7fffffffu;
}

}  // namespace

void keep_largest(float* x, const float* score, int64_t n, int64_t kept, uint32_t* scratch) {
  if (kept >= n) return;
  if (kept <= 0) {
    std::fill_n(x, n, 0.0f);
    return;
  }
  const auto size_at = [&](int64_t i) {
    return size_of(score == nullptr ? x[i] : x[i] * score[i]);
  };
  for (int64_t i = 0; i < n; ++i) scratch[i] = size_at(i);
  std::nth_element(scratch, scratch + (kept - 1), scratch + n, std::greater<>());
  const uint32_t least = scratch[kept - 1];
  int64_t n_equal = kept;  // elements that may be as small as `least`
  for (int64_t i = 0; i < n; ++i) n_equal -= size_at(i) > least ? 1 : 0;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t size = size_at(i);
    if (size > least || (size == least && n_equal-- > 0)) continue;
    x[i] = 0;
  }
}

}  // namespace whet
