#include "model/sparsity.h"

#include <algorithm>
#include <cmath>

#include "kernels/kernels.h"

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

void leave_out_below(float threshold, const float* of, int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] = std::fabs(of[i]) < threshold ? 0.0f : x[i];
}

void keep_largest(float* x, const float* score, int64_t n, int64_t kept,
                  std::vector<uint32_t>& scratch) {
  if (kept >= n) return;
  const auto size = static_cast<size_t>(n), n_words = (size + 31) / 32;
  scratch.resize(33 * n_words);
  uint32_t* const bits = scratch.data() + 32 * n_words;
  kernels::kernels().choose_channels({.x = x,
                                      .score = score,
                                      .n = size,
                                      .keep = static_cast<size_t>(std::max<int64_t>(kept, 0)),
                                      .scratch = scratch.data(),
                                      .kept = bits});
  for (size_t i = 0; i < size; ++i) {
    if ((bits[i / 32] >> i % 32 & 1) == 0) x[i] = 0;
  }
}

}  // namespace whet
