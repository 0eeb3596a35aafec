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

namespace {

/// In eight sums, since one after the other each would wait for the last.
float sum_of_squares(const float* x, int64_t n) {
  float sums[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int64_t j = 0; j < 8; ++j) sums[j] += x[i + j] * x[i + j];
  }
  for (; i < n; ++i) sums[i % 8] += x[i] * x[i];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/// The bits of the `kept` largest of x [n], in `scratch`.
const uint32_t* choose(const float* x, const float* score, size_t n, int64_t kept,
                       std::vector<uint32_t>& scratch) {
  const size_t n_words = (n + 31) / 32;
  scratch.resize(33 * n_words);
  uint32_t* const bits = scratch.data() + 32 * n_words;
  kernels::kernels().choose_channels({.x = x,
                                      .score = score,
                                      .n = n,
                                      .keep = static_cast<size_t>(std::max<int64_t>(kept, 0)),
                                      .scratch = scratch.data(),
                                      .kept = bits});
  return bits;
}

}  // namespace

void keep_largest(float* x, const float* score, int64_t n, int64_t kept,
                  std::vector<uint32_t>& scratch) {
  if (kept >= n) return;
  const uint32_t* const bits = choose(x, score, static_cast<size_t>(n), kept, scratch);
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    if ((bits[i / 32] >> i % 32 & 1) == 0) x[i] = 0;
  }
}

void keep_largest_blocks(float* x, int64_t n, int64_t kept, int64_t block,
                         std::vector<uint32_t>& scratch) {
  if (kept >= n) return;
  thread_local std::vector<float> sums;
  sums.resize(static_cast<size_t>(n / block));
  for (size_t b = 0; b < sums.size(); ++b) {
    sums[b] = sum_of_squares(x + static_cast<int64_t>(b) * block, block);
  }
  const uint32_t* const bits = choose(sums.data(), nullptr, sums.size(), kept / block, scratch);
  for (size_t b = 0; b < sums.size(); ++b) {
    if ((bits[b / 32] >> b % 32 & 1) == 0) {
      std::fill_n(x + static_cast<int64_t>(b) * block, block, 0.0f);
    }
  }
}

}  // namespace whet
