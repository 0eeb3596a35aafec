// Attention of a layer: projections, norms and rotation of queries and keys, the operator, output.
#include <algorithm>
#include <cmath>

#include "model/step.h"

namespace whet {
namespace {

/// Queries or keys of one token: bias, norm, rotation.
void finish_heads(Step& step, const AttentionBlockForm& form, const NormWeights& norm,
                  int64_t n_heads, int64_t t, float* heads) {
  if (form.qk_norm != QkNorm::kNone) {
    const bool whole = form.qk_norm == QkNorm::kWhole;
    const int64_t n = whole ? n_heads * form.head_dim : form.head_dim;
    for (int64_t i = 0; i < n_heads * form.head_dim; i += n) {
      kernels::kernels().rmsnorm({.x = heads + i,
                                  .gain = norm.gain.data(),
                                  .epsilon = step.config.norm.epsilon,
                                  .n = static_cast<size_t>(n),
                                  .out = heads + i});
    }
  }
  if (form.rope != AttentionBlockForm::kNoRope) {
    step.buffers.rotations[static_cast<size_t>(form.rope)].apply(heads, n_heads, form.head_dim, t);
  }
}

void clamp(const AttentionBlockForm& form, int64_t n, float* x) {
  if (form.clamp == 0) return;
  for (int64_t i = 0; i < n; ++i) x[i] = std::clamp(x[i], -form.clamp, form.clamp);
}

void grow_queries(Step& step, const AttentionBlockForm& form, int64_t t, float* q) {
  if (form.rope == AttentionBlockForm::kNoRope) return;
  const RopeForm& rope = step.config.ropes[static_cast<size_t>(form.rope)];
  if (rope.query_growth == 0) return;
  const int64_t times = step.buffers.positions[static_cast<size_t>(t)] / rope.original_context;
  const double factor = 1.0 + rope.query_growth * std::log(1.0 + static_cast<double>(times));
  kernels::kernels().scale(q, static_cast<size_t>(form.n_heads * form.head_dim),
                           static_cast<float>(factor));
}

void normalise_values(Step& step, const AttentionBlockForm& form, float* values) {
  const std::vector<float>& ones = step.buffers.ones;
  for (int64_t h = 0; h < form.n_kv_heads; ++h) {
    kernels::kernels().rmsnorm({.x = values + h * form.head_dim,
                                .gain = ones.data(),
                                .epsilon = step.config.norm.epsilon,
                                .n = ones.size(),
                                .out = values + h * form.head_dim});
  }
}

// Rows of q where outputs are gated: of each head the query, then the gate.

void take_queries(const AttentionBlockForm& form, const float* gated, float* q) {
  for (int64_t h = 0; h < form.n_heads; ++h) {
    std::copy_n(gated + 2 * h * form.head_dim, form.head_dim, q + h * form.head_dim);
  }
}

void gate_output(const AttentionBlockForm& form, const float* gated, float* out) {
  for (int64_t h = 0; h < form.n_heads; ++h) {
    float* head = out + h * form.head_dim;
    kernels::kernels().sigmoid_mul(gated + (2 * h + 1) * form.head_dim, head,
                                   static_cast<size_t>(form.head_dim), head);
  }
}

/// ALiBi: of each head the slope with which its scores fall.
void find_slopes(int64_t n_heads, std::vector<float>& slopes) {
  int64_t whole = 1;  // the largest power of two up to n_heads
  while (2 * whole <= n_heads) whole *= 2;
  slopes.clear();
  for (int64_t h = 0; h < n_heads; ++h) {
    const bool extra = h >= whole;
    const double step =
        extra ? static_cast<double>(2 * (h - whole) + 1) / 2 : static_cast<double>(h + 1);
    slopes.push_back(static_cast<float>(std::pow(2.0, -8.0 * step / static_cast<double>(whole))));
  }
}

}  // namespace

void attention_block(Step& step, int64_t layer, const AttentionBlockForm& form,
                     const LayerWeights& w, const float* in, float* out) {
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t q_dim = form.n_heads * form.head_dim, kv_dim = form.n_kv_heads * form.head_dim;
  float* q = step.reserve(b.q, q_dim);
  float* k = step.reserve(b.k, kv_dim);
  float* v = step.reserve(b.v, kv_dim);
  float* attended = step.reserve(b.attended, q_dim);
  float* gated_q = form.output_gate ? step.reserve(b.gated_q, 2 * q_dim) : nullptr;
  const bool own_keys = form.shared_layer == AttentionBlockForm::kOwnKeys;
  const Projection qkv[] = {
      {&w.q.matrix, form.output_gate ? gated_q : q}, {&w.k.matrix, k}, {&w.v.matrix, v}};
  const size_t n_projections = !own_keys ? 1 : form.key_is_value ? 2 : 3;
  project(in, step.n_tokens, std::span(qkv).first(n_projections), b.projection, step.pool);
  if (form.values_normed) b.ones.assign(static_cast<size_t>(form.head_dim), 1.0f);
  const auto add = kernels::kernels().add;
  step.for_each_token([&](int64_t t) {
    if (form.output_gate) take_queries(form, gated_q + 2 * t * q_dim, q + t * q_dim);
    add(q + t * q_dim, w.q.bias.data(), w.q.bias.size(), q + t * q_dim);
    clamp(form, q_dim, q + t * q_dim);
    finish_heads(step, form, w.q_norm, form.n_heads, t, q + t * q_dim);
    grow_queries(step, form, t, q + t * q_dim);
    if (!own_keys) return;
    float* key = k + t * kv_dim;
    float* value = v + t * kv_dim;
    add(key, w.k.bias.data(), w.k.bias.size(), key);
    add(value, w.v.bias.data(), w.v.bias.size(), value);
    clamp(form, kv_dim, key);
    clamp(form, kv_dim, value);
    if (form.key_is_value) std::copy_n(key, kv_dim, value);
    if (form.values_normed) normalise_values(step, form, value);
    finish_heads(step, form, w.k_norm, form.n_kv_heads, t, key);
  });
  if (form.alibi) find_slopes(form.n_heads, b.slopes);
  attend({.n_heads = form.n_heads,
          .n_kv_heads = form.n_kv_heads,
          .key_dim = form.head_dim,
          .value_dim = form.head_dim,
          .window = form.window,
          .scale = form.scale,
          .softcap = form.softcap,
          .slopes = form.alibi ? b.slopes.data() : nullptr,
          .sinks = form.sinks ? w.sinks.data() : nullptr},
         {.segments = b.attention_segments,
          .layer = own_keys ? layer : form.shared_layer,
          .q = q,
          .k = own_keys ? k : nullptr,
          .v = own_keys ? v : nullptr,
          .out = attended},
         b.attention, step.pool);
  if (form.output_gate) {
    step.for_each_token(
        [&](int64_t t) { gate_output(form, gated_q + 2 * t * q_dim, attended + t * q_dim); });
  }
  make_sparse(step, SparsitySite::kAttentionOutput, q_dim, attended);
  const Projection output{&w.attention_output.matrix, out};
  project(attended, step.n_tokens, {&output, 1}, b.projection, step.pool);
  add_bias(step, w.attention_output.bias, out);
  scale_rows(step, form.output_factor, step.config.d_model, out);
}

}  // namespace whet
