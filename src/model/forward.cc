#include "model/forward.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "kernels/interleave.h"
#include "kernels/kernels.h"
#include "model/step.h"

namespace whet {

ForwardScratch::ForwardScratch(const ModelConfig& config, bool exact)
    : buffers_(std::make_unique<Buffers>()) {
  buffers_->projection.exact = exact;
  for (const RopeForm& rope : config.ropes) buffers_->rotations.emplace_back(rope);
}
ForwardScratch::~ForwardScratch() = default;
ForwardScratch::ForwardScratch(ForwardScratch&&) noexcept = default;
ForwardScratch& ForwardScratch::operator=(ForwardScratch&&) noexcept = default;

void ForwardScratch::observe(ProjectionObserver* observer) {
  buffers_->projection.observer = observer;
}

void ForwardScratch::count_sparsity() {
  buffers_->counts_sparsity = true;
}

const SparsityCount& ForwardScratch::sparsity_count() const {
  return buffers_->sparsity_count;
}

KvShape kv_shape_of(const ModelConfig& config, int64_t capacity, DType type) {
  KvShape shape{{}, capacity, type};
  for (const LayerForm& layer : config.layers) {
    const AttentionBlockForm& a = layer.attention;
    if (layer.mixer == Mixer::kLatentAttention) {
      shape.layers.push_back({1, layer.latent.cached_dim(), layer.latent.rank});
    } else if (layer.has_attention() && a.shared_layer == AttentionBlockForm::kOwnKeys) {
      shape.layers.push_back({a.n_kv_heads, a.head_dim, a.head_dim, a.window});
    } else {
      shape.layers.push_back({0, 0, 0});
    }
    shape.state_sizes.push_back(layer.has_state() ? layer.recurrent.state_size() : 0);
  }
  if (shape.state_bytes() == 0) shape.state_sizes.clear();
  return shape;
}

void normalise(Step& step, const NormWeights& w, const float* x, int64_t n, float* out) {
  const bool rms = step.config.norm.kind == NormKind::kRms;
  const auto norm = rms ? kernels::kernels().rmsnorm : kernels::kernels().layernorm;
  step.for_each_token([&](int64_t t) {
    norm({.x = x + t * n,
          .gain = w.gain.data(),
          .epsilon = step.config.norm.epsilon,
          .n = static_cast<size_t>(n),
          .out = out + t * n,
          .bias = w.bias.data()});
  });
}

void add_bias(Step& step, const std::vector<float>& bias, float* y) {
  if (bias.empty()) return;
  const auto n = static_cast<int64_t>(bias.size());
  step.for_each_token(
      [&](int64_t t) { kernels::kernels().add(y + t * n, bias.data(), bias.size(), y + t * n); });
}

void scale_rows(Step& step, float factor, int64_t n, float* y) {
  if (factor == 1) return;
  step.for_each_token(
      [&](int64_t t) { kernels::kernels().scale(y + t * n, static_cast<size_t>(n), factor); });
}

namespace {

/// Adds what sparse rows of x [T, n] skip of the weights behind it to the buffers' count.
void count_skipped(Step& step, SparsitySite site, int64_t n, const float* x) {
  const auto shapes =
      sparsity_shapes(step.config.layers[static_cast<size_t>(step.layer)], step.config.d_model);
  const auto weights = static_cast<uint64_t>(shapes[static_cast<size_t>(site)].weights_per_channel);
  SparsityCount& count = step.buffers.sparsity_count;
  for (int64_t t = 0; t < step.n_tokens; ++t) {
    if (step.buffers.sparse[static_cast<size_t>(t)] == 0) continue;
    count.met += static_cast<uint64_t>(n) * weights;
    count.skipped += static_cast<uint64_t>(std::count(x + t * n, x + (t + 1) * n, 0.0f)) * weights;
  }
}

void leave_channels_out(Step& step, SparsitySite site, int64_t n, float* x) {
  const auto layer = static_cast<size_t>(step.layer), at = static_cast<size_t>(site);
  const auto& thresholds = step.sparsity->thresholds;
  if (!thresholds.empty()) {
    if (site == SparsitySite::kFfnOutput && step.sparsity->by_gate) return;  // ffn_block() has
    const float threshold = thresholds[layer][at];
    step.for_each_token([&](int64_t t) {
      if (step.buffers.sparse[static_cast<size_t>(t)] == 0) return;
      leave_out_below(threshold, x + t * n, n, x + t * n);
    });
    return;
  }
  const int64_t kept = step.sparsity->kept[layer][at];
  const auto& scores = step.sparsity->scores;
  const float* score =
      scores.empty() || scores[layer][at].empty() ? nullptr : scores[layer][at].data();
  step.for_each_token([&](int64_t t) {
    if (step.buffers.sparse[static_cast<size_t>(t)] == 0) return;
    thread_local std::vector<uint32_t> sizes;
    if (step.sparsity->block > 1) {
      keep_largest_blocks(x + t * n, n, kept, step.sparsity->block, sizes);
    } else {
      keep_largest(x + t * n, score, n, kept, sizes);
    }
  });
}

}  // namespace

void make_sparse(Step& step, SparsitySite site, int64_t n, float* x) {
  if (step.sparsity == nullptr) return;
  leave_channels_out(step, site, n, x);
  if (step.buffers.counts_sparsity) count_skipped(step, site, n, x);
}

namespace {

void embed(Step& step, const Weights& w, float* x) {
  const float scale = step.config.embedding_scale;
  const auto n = static_cast<size_t>(step.config.d_model);
  float* of_position = step.buffers.embedded_row.reserve(n);
  float* row = x;
  for (size_t t = 0; t < step.buffers.tokens.size(); ++t, row += n) {
    kernels::dequantize_row(w.embedding, step.buffers.tokens[t], row);
    if (scale != 1) kernels::kernels().scale(row, n, scale);
    if (step.config.n_positions == 0) continue;
    const int64_t position = step.buffers.positions[t];
    WHET_CHECK(position < step.config.n_positions);
    kernels::dequantize_row(w.positions, position, of_position);
    kernels::kernels().add(row, of_position, n, row);
  }
  if (step.config.embedding_norm) normalise(step, w.embedding_norm, x, step.config.d_model, x);
}

/// x += residual_scale * norm_after(delta)
void add_to_residual(Step& step, const LayerForm& form, const NormWeights& after, float* delta,
                     float* x) {
  const int64_t n = step.config.d_model;
  if (form.norm_after) normalise(step, after, delta, n, delta);
  scale_rows(step, step.config.residual_scale, n, delta);
  step.for_each_token([&](int64_t t) {
    kernels::kernels().add(x + t * n, delta + t * n, static_cast<size_t>(n), x + t * n);
  });
}

/// norm(x) into `out`, or x itself where the form has no norm before its halves.
const float* norm_before(Step& step, const LayerForm& form, const NormWeights& w, const float* x,
                         float* out) {
  if (!form.norm_before) return x;
  normalise(step, w, x, step.config.d_model, out);
  return out;
}

void run_mixer(Step& step, int64_t i, const LayerForm& form, const LayerWeights& w, const float* in,
               float* out) {
  switch (form.mixer) {
    case Mixer::kAttention:
      return attention_block(step, i, form.attention, w, in, out);
    case Mixer::kLatentAttention:
      return latent_attention_block(step, i, form.latent, w, in, out);
    case Mixer::kShortConvolution:
      return short_convolution_block(step, i, form.recurrent, w, in, out);
    case Mixer::kDeltaNet:
      return delta_net_block(step, i, form.recurrent, w, in, out);
    case Mixer::kMamba2:
      return mamba2_block(step, i, form.recurrent, w, in, out);
    case Mixer::kAttentionAndMamba2: {
      float* second = step.reserve(step.buffers.second_delta, step.config.d_model);
      attention_block(step, i, form.attention, w, in, out);
      mamba2_block(step, i, form.recurrent, w, in, second);
      const auto n = static_cast<size_t>(step.config.d_model);
      step.for_each_token([&](int64_t t) {
        float* row = out + t * step.config.d_model;
        kernels::kernels().add(row, second + t * step.config.d_model, n, row);
      });
      return;
    }
    case Mixer::kNone:
      break;
  }
  WHET_UNREACHABLE();
}

/// `in` is what the mixer read; where both halves do not read the same, the FFN has a norm of its
/// own.
void run_ffn(Step& step, const LayerForm& form, const LayerWeights& w, const float* in) {
  ForwardScratch::Buffers& b = step.buffers;
  float* x = b.x.data();
  float* delta = b.delta.data();
  if (form.residual == Residual::kSequential) {
    in = norm_before(step, form, w.ffn_norm, x, b.normed.data());
    make_sparse(step, SparsitySite::kFfnInput, step.config.d_model, b.normed.data());
  }
  if (form.ffn.dim > 0) ffn_block(step, form.ffn, w, in, delta);
  if (form.experts.n_experts > 0) experts_block(step, form, w, in, delta);
  add_to_residual(step, form, w.ffn_post_norm, delta, x);
}

void run_layer(Step& step, int64_t i, const LayerForm& form, const LayerWeights& w) {
  ForwardScratch::Buffers& b = step.buffers;
  float* x = b.x.data();
  float* delta = b.delta.data();
  const float* ffn_in = nullptr;
  if (form.mixer != Mixer::kNone) {
    const float* mixer_in = norm_before(step, form, w.attention_norm, x, b.normed.data());
    make_sparse(step, SparsitySite::kAttentionInput, step.config.d_model, b.normed.data());
    ffn_in = mixer_in;
    if (form.residual == Residual::kParallelTwoNorms) {
      ffn_in = norm_before(step, form, w.ffn_norm, x, b.second_normed.data());
    }
    run_mixer(step, i, form, w, mixer_in, delta);
    add_to_residual(step, form, w.attention_post_norm, delta, x);
  }
  if (form.has_ffn()) run_ffn(step, form, w, ffn_in);
  if (step.config.layer_input_dim > 0) layer_input_block(step, i, w, x);
  if (form.output_scale) scale_rows(step, w.output_scale[0], step.config.d_model, x);
}

/// Moves the wanted rows to the front of x, in order; a row never moves backwards.
int64_t keep_wanted_rows(Step& step, float* x) {
  const int64_t d = step.config.d_model;
  int64_t row = 0, wanted = 0;
  for (const StepSegment& segment : step.segments) {
    const auto n = static_cast<int64_t>(segment.tokens.size());
    const int64_t keep = segment.logits == StepSegment::Logits::kAll    ? n
                         : segment.logits == StepSegment::Logits::kLast ? 1
                                                                        : 0;
    std::memmove(x + wanted * d, x + (row + n - keep) * d,
                 static_cast<size_t>(keep * d) * sizeof(float));
    wanted += keep;
    row += n;
  }
  return wanted;
}

void finish_logits(Step& step, float* logits) {
  const float scale = step.config.logit_scale, cap = step.config.logit_softcap;
  if (scale == 1 && cap == 0) return;
  const int64_t n = step.config.vocab_size;
  step.for_each_token([&](int64_t t) {
    float* row = logits + t * n;
    if (scale != 1) kernels::kernels().scale(row, static_cast<size_t>(n), scale);
    if (cap == 0) return;
    for (int64_t i = 0; i < n; ++i) row[i] = cap * std::tanh(row[i] / cap);
  });
}

/// Gives each segment that wants them its rows behind the output norm.
void give_states(const Step& step, const NormWeights& norm) {
  const float* x = step.buffers.x.data();
  for (const StepSegment& segment : step.segments) {
    Step rows = step;
    rows.n_tokens = static_cast<int64_t>(segment.tokens.size());
    if (segment.states != nullptr) normalise(rows, norm, x, step.config.d_model, segment.states);
    x += rows.n_tokens * step.config.d_model;
  }
}

std::span<const float> logits(Step& step, const Weights& w) {
  ForwardScratch::Buffers& b = step.buffers;
  step.n_tokens = keep_wanted_rows(step, b.x.data());
  normalise(step, w.output_norm, b.x.data(), step.config.d_model, b.normed.data());
  float* out = step.reserve(b.logits, step.config.vocab_size);
  const Projection head{&w.head.matrix, out};
  project(b.normed.data(), step.n_tokens, {&head, 1}, b.projection, step.pool);
  add_bias(step, w.head.bias, out);
  finish_logits(step, out);
  return {out, static_cast<size_t>(step.n_tokens * step.config.vocab_size)};
}

}  // namespace

std::span<const float> forward(const Decoder& model, std::span<const StepSegment> segments,
                               ForwardScratch& scratch, ThreadPool& pool) {
  ForwardScratch::Buffers& b = scratch.buffers();
  Step step{model.config, segments, b, pool, 0};
  b.attention_segments.clear();
  b.positions.clear();
  b.tokens.clear();
  b.sparse.clear();
  for (const StepSegment& segment : segments) {
    const auto n = static_cast<int64_t>(segment.tokens.size());
    WHET_CHECK(n > 0);
    WHET_CHECK(n <= segment.kv->prepared() - segment.kv->size());
    segment.kv->begin_step(n, segment.revocable);
    b.attention_segments.push_back({segment.kv, n});
    for (int64_t i = 0; i < n; ++i) b.positions.push_back(segment.kv->size() + i);
    b.tokens.insert(b.tokens.end(), segment.tokens.begin(), segment.tokens.end());
    b.sparse.insert(b.sparse.end(), segment.tokens.size(), segment.sparse ? 1 : 0);
    if (segment.sparse) step.sparsity = model.sparsity.get();
    step.n_tokens += n;
  }
  for (AlignedBuffer<float>* rows : {&b.x, &b.normed, &b.second_normed, &b.delta}) {
    step.reserve(*rows, model.config.d_model);
  }
  embed(step, model.weights, b.x.data());
  if (model.config.layer_input_dim > 0) layer_inputs(step, model.weights, b.x.data());
  for (Rotation& rotation : b.rotations) rotation.compute(segments);
  for (int64_t i = 0; i < model.config.n_layers(); ++i) {
    const auto at = static_cast<size_t>(i);
    step.layer = i;
    run_layer(step, i, model.config.layers[at], model.weights.layers[at]);
  }
  for (const StepSegment& segment : segments) {
    segment.kv->extend(static_cast<int64_t>(segment.tokens.size()));
  }
  give_states(step, model.weights.output_norm);
  return logits(step, model.weights);
}

}  // namespace whet
