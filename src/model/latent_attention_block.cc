// Multi-head latent attention. Keys and values of all heads are one latent, so a head's key matrix
// is applied to its query and its value matrix to what it attends to: the caches hold latents alone,
// and every head reads the same ones.
#include <algorithm>

#include "model/step.h"

namespace whet {
namespace {

/// One head's columns of `from` through its matrix, into its columns of `to`; their rows are
/// `from_row` and `to_row` floats apart.
void project_head(Step& step, const Matrix& matrix, const float* from, int64_t from_row, float* to,
                  int64_t to_row) {
  ForwardScratch::Buffers& b = step.buffers;
  float* in = step.reserve(b.head_in, matrix.columns);
  float* out = step.reserve(b.head_out, matrix.rows);
  for (int64_t t = 0; t < step.n_tokens; ++t) {
    std::copy_n(from + t * from_row, matrix.columns, in + t * matrix.columns);
  }
  const Projection projection{&matrix, out};
  project(in, step.n_tokens, {&projection, 1}, b.projection, step.pool);
  for (int64_t t = 0; t < step.n_tokens; ++t) {
    std::copy_n(out + t * matrix.rows, matrix.rows, to + t * to_row);
  }
}

void normalise_latent(const LatentAttentionForm& form, const NormWeights& norm, int64_t n,
                      float* x) {
  kernels::kernels().rmsnorm({.x = x,
                              .gain = norm.gain.data(),
                              .epsilon = form.epsilon,
                              .n = static_cast<size_t>(n),
                              .out = x});
}

/// Queries [T, H * (C + P)], and latents [T, R + P] as yet without norm and rotation.
void make_queries_and_latents(Step& step, const LatentAttentionForm& form, const LayerWeights& w,
                              const float* in, float* q, float* latent) {
  ForwardScratch::Buffers& b = step.buffers;
  const bool direct = form.query_rank == 0;
  float* low = direct ? q : step.reserve(b.low_rank, form.query_rank);
  const Projection first[] = {{direct ? &w.q.matrix : &w.query_down.matrix, low},
                              {&w.latent.matrix, latent}};
  project(in, step.n_tokens, first, b.projection, step.pool);
  add_bias(step, w.latent.bias, latent);
  if (direct) return;
  add_bias(step, w.query_down.bias, low);
  step.for_each_token([&](int64_t t) {
    normalise_latent(form, w.query_norm, form.query_rank, low + t * form.query_rank);
  });
  const Projection second{&w.q.matrix, q};
  project(low, step.n_tokens, {&second, 1}, b.projection, step.pool);
}

}  // namespace

void latent_attention_block(Step& step, int64_t layer, const LatentAttentionForm& form,
                            const LayerWeights& w, const float* in, float* out) {
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t heads = form.n_heads, width = form.query_dim(), cached = form.cached_dim();
  const int64_t rank = form.rank, values_dim = heads * form.value_dim;
  float* q = step.reserve(b.gated_q, heads * width);
  float* latent = step.reserve(b.k, cached);
  float* content = step.reserve(b.v, rank);
  make_queries_and_latents(step, form, w, in, q, latent);
  float* query = step.reserve(b.q, heads * cached);
  const Rotation& rotation = b.rotations[static_cast<size_t>(form.rope)];
  step.for_each_token([&](int64_t t) {
    float* key = latent + t * cached;
    normalise_latent(form, w.latent_norm, rank, key);
    std::copy_n(key, rank, content + t * rank);
    rotation.apply(key + rank, 1, form.rotated_dim, t);
    for (int64_t h = 0; h < heads; ++h) {
      float* rotated = query + t * heads * cached + h * cached + rank;
      std::copy_n(q + t * heads * width + h * width + form.content_dim, form.rotated_dim, rotated);
      rotation.apply(rotated, 1, form.rotated_dim, t);
    }
  });
  for (int64_t h = 0; h < heads; ++h) {
    project_head(step, w.key_up.matrices[static_cast<size_t>(h)], q + h * width, heads * width,
                 query + h * cached, heads * cached);
  }
  float* attended = step.reserve(b.attended, heads * rank);
  attend({.n_heads = heads,
          .n_kv_heads = 1,
          .key_dim = cached,
          .value_dim = rank,
          .scale = form.scale},
         {.segments = b.attention_segments,
          .layer = layer,
          .q = query,
          .k = latent,
          .v = content,
          .out = attended},
         b.attention, step.pool);
  float* values = step.reserve(b.values, values_dim);
  for (int64_t h = 0; h < heads; ++h) {
    project_head(step, w.value_up.matrices[static_cast<size_t>(h)], attended + h * rank,
                 heads * rank, values + h * form.value_dim, values_dim);
  }
  const Projection output{&w.attention_output.matrix, out};
  project(values, step.n_tokens, {&output, 1}, b.projection, step.pool);
  add_bias(step, w.attention_output.bias, out);
}

}  // namespace whet
