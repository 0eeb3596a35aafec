// One pass through the decoder while it runs: what its blocks share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/checked_math.h"
#include "model/forward.h"
#include "model/rotation.h"
#include "ops/attention.h"
#include "ops/projection.h"

namespace whet {

struct ForwardScratch::Buffers {
  std::vector<Rotation> rotations;  // of ModelConfig::ropes
  AlignedBuffer<float> x, normed, second_normed, q, k, v, attended, delta, gate, up, logits;
  AlignedBuffer<float> second_delta, layer_inputs, gated_q, mixed, mixer_gate, rates, decays;
  AlignedBuffer<float> low_rank, head_in, head_out, values;     // of latent attention
  AlignedBuffer<float> router, gathered, expert_out, used_out;  // of experts
  AlignedBuffer<float> ranks;                                   // likewise, [T, E]
  std::vector<float> expert_weights;                            // [T, n_used]
  std::vector<int32_t> expert_ids;                              // likewise
  std::vector<int64_t> expert_uses;                             // indices of them, by expert
  std::vector<size_t> expert_ends;                              // of each expert's uses
  ProjectionScratch projection;
  AlignedBuffer<float> embedded_row, layer_rows;
  std::vector<float> slopes, ones, key_gain, query_gain;
  std::vector<int64_t> positions;  // of the rows
  std::vector<int32_t> tokens;     // likewise
  std::vector<uint8_t> sparse;     // of each row: whether it is
  bool counts_sparsity = false;
  SparsityCount sparsity_count;
  std::vector<AttentionSegment> attention_segments;
  AttentionScratch attention;
};

/// The rows of all segments, in order.
struct Step {
  const ModelConfig& config;
  std::span<const StepSegment> segments;
  ForwardScratch::Buffers& buffers;
  ThreadPool& pool;
  int64_t n_tokens;
  const SparsityPlan* sparsity = nullptr;  // null where no row is sparse
  int64_t layer = 0;                       // that runs

  /// Calls body(row) on the team; a few rows stay on the calling thread.
  template <typename Body>
  void for_each_token(Body&& body) {
    constexpr int64_t kTokensPerTask = 8;
    pool.for_each(ceil_div(n_tokens, kTokensPerTask), [&](int64_t task) {
      const int64_t end = std::min((task + 1) * kTokensPerTask, n_tokens);
      for (int64_t t = task * kTokensPerTask; t < end; ++t) body(t);
    });
  }
  float* reserve(AlignedBuffer<float>& buffer, int64_t columns) {
    return buffer.reserve(static_cast<size_t>(n_tokens * columns));
  }
};

/// out = norm(x), rows of n; out may be x.
void normalise(Step& step, const NormWeights& w, const float* x, int64_t n, float* out);
/// y += bias in every row; an empty one adds nothing.
void add_bias(Step& step, const std::vector<float>& bias, float* y);
/// y [T, n] *= factor.
void scale_rows(Step& step, float factor, int64_t n, float* y);
/// Leaves sparse rows of x [T, n] the channels that the plan says for this place of the layer.
void make_sparse(Step& step, SparsitySite site, int64_t n, float* x);

/// out [T, D] = what the half makes of in [T, D].
void attention_block(Step& step, int64_t layer, const AttentionBlockForm& form,
                     const LayerWeights& w, const float* in, float* out);
void latent_attention_block(Step& step, int64_t layer, const LatentAttentionForm& form,
                            const LayerWeights& w, const float* in, float* out);
void short_convolution_block(Step& step, int64_t layer, const RecurrentForm& form,
                             const LayerWeights& w, const float* in, float* out);
void delta_net_block(Step& step, int64_t layer, const RecurrentForm& form, const LayerWeights& w,
                     const float* in, float* out);
void mamba2_block(Step& step, int64_t layer, const RecurrentForm& form, const LayerWeights& w,
                  const float* in, float* out);
/// Fills Buffers::layer_inputs from the embedded tokens x [T, D].
void layer_inputs(Step& step, const Weights& w, const float* x);
/// x += what the layer makes of its input.
void layer_input_block(Step& step, int64_t layer, const LayerWeights& w, float* x);
void ffn_block(Step& step, const FfnForm& form, const LayerWeights& w, const float* in, float* out);
/// Adds to `out` where the layer has an FFN beside the experts (weighed by its gate), else sets it.
void experts_block(Step& step, const LayerForm& form, const LayerWeights& w, const float* in,
                   float* out);

}  // namespace whet
