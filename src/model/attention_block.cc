// Attention of a layer: projections, norms and rotation of queries and keys, the operator, output.
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

}  // namespace

void attention_block(Step& step, int64_t layer, const AttentionBlockForm& form,
                     const LayerWeights& w, const float* in, float* out) {
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t q_dim = form.n_heads * form.head_dim, kv_dim = form.n_kv_heads * form.head_dim;
  float* q = step.reserve(b.q, q_dim);
  float* k = step.reserve(b.k, kv_dim);
  float* v = step.reserve(b.v, kv_dim);
  float* attended = step.reserve(b.attended, q_dim);
  const Projection qkv[] = {{&w.q.matrix, q}, {&w.k.matrix, k}, {&w.v.matrix, v}};
  project(in, step.n_tokens, qkv, b.projection, step.pool);
  const auto add = kernels::kernels().add;
  step.for_each_token([&](int64_t t) {
    add(q + t * q_dim, w.q.bias.data(), w.q.bias.size(), q + t * q_dim);
    add(k + t * kv_dim, w.k.bias.data(), w.k.bias.size(), k + t * kv_dim);
    add(v + t * kv_dim, w.v.bias.data(), w.v.bias.size(), v + t * kv_dim);
    finish_heads(step, form, w.q_norm, form.n_heads, t, q + t * q_dim);
    finish_heads(step, form, w.k_norm, form.n_kv_heads, t, k + t * kv_dim);
  });
  attend(
      {.n_heads = form.n_heads,
       .n_kv_heads = form.n_kv_heads,
       .key_dim = form.head_dim,
       .value_dim = form.head_dim,
       .window = form.window,
       .scale = form.scale,
       .softcap = form.softcap,
       .sinks = form.sinks ? w.sinks.data() : nullptr},
      {.segments = b.attention_segments, .layer = layer, .q = q, .k = k, .v = v, .out = attended},
      b.attention, step.pool);
  const Projection output{&w.attention_output.matrix, out};
  project(attended, step.n_tokens, {&output, 1}, b.projection, step.pool);
  add_bias(step, w.attention_output.bias, out);
}

}  // namespace whet
