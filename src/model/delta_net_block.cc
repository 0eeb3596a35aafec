// Gated delta net, Qwen3.5's mixer: queries, keys and values through a convolution; keys and
// queries of length one; each head's state decays and is corrected towards the value at the key.
#include <cmath>

#include "model/step.h"
#include "ops/recurrence.h"

namespace whet {
namespace {

// Of the lengths of keys and queries, in the model's own code.
constexpr float kLengthEpsilon = 1e-6f;

/// The gains that make an RMS norm one of lengths: `length` of every head.
void find_gain(int64_t dim, float length, std::vector<float>& gain) {
  gain.assign(static_cast<size_t>(dim), length / std::sqrt(static_cast<float>(dim)));
}

void normalise_heads(float* heads, int64_t n_heads, const std::vector<float>& gain) {
  for (int64_t h = 0; h < n_heads; ++h, heads += gain.size()) {
    kernels::kernels().rmsnorm({.x = heads,
                                .gain = gain.data(),
                                .epsilon = kLengthEpsilon / static_cast<float>(gain.size()),
                                .n = gain.size(),
                                .out = heads});
  }
}

/// Rates and decays of a row from what was projected.
void finish_rates(const LayerWeights& w, int64_t n_heads, float* rates, float* decays) {
  for (int64_t h = 0; h < n_heads; ++h) {
    const auto at = static_cast<size_t>(h);
    rates[h] = 1.0f / (1.0f + std::exp(-rates[h]));
    decays[h] = std::exp(w.decay[at] * softplus(decays[h] + w.step_bias[at]));
  }
}

}  // namespace

void delta_net_block(Step& step, int64_t layer, const RecurrentForm& form, const LayerWeights& w,
                     const float* in, float* out) {
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t keys = form.keys_dim(), values = form.inner_dim(), n = form.channels;
  float* mixed = step.reserve(b.mixed, n);
  float* gate = step.reserve(b.mixer_gate, values);
  float* rates = step.reserve(b.rates, form.n_heads);
  float* decays = step.reserve(b.decays, form.n_heads);
  float* inner = step.reserve(b.attended, values);
  const Projection projections[] = {{&w.mixer_in.matrix, mixed},
                                    {&w.mixer_gate.matrix, gate},
                                    {&w.mixer_rate.matrix, rates},
                                    {&w.mixer_decay.matrix, decays}};
  project(in, step.n_tokens, projections, b.projection, step.pool);
  convolve({.channels = n,
            .width = form.width,
            .taps = w.convolution.data(),
            .bias = nullptr,
            .silu = true},
           b.attention_segments, layer, mixed, n, step.pool);
  find_gain(form.key_dim, 1.0f / std::sqrt(static_cast<float>(form.key_dim)), b.query_gain);
  find_gain(form.key_dim, 1, b.key_gain);
  step.for_each_token([&](int64_t t) {
    float* row = mixed + t * n;
    normalise_heads(row, form.n_key_heads, b.query_gain);
    normalise_heads(row + keys, form.n_key_heads, b.key_gain);
    finish_rates(w, form.n_heads, rates + t * form.n_heads, decays + t * form.n_heads);
  });
  recur({.n_heads = form.n_heads,
         .n_key_heads = form.n_key_heads,
         .tiled = form.tiled,
         .key_dim = form.key_dim,
         .value_dim = form.value_dim,
         .corrects = true,
         .state_offset = form.convolution_state()},
        {.segments = b.attention_segments,
         .layer = layer,
         .keys = mixed + keys,
         .queries = mixed,
         .values = mixed + 2 * keys,
         .stride = n,
         .decays = decays,
         .rates = rates,
         .out = inner},
        step.pool);
  step.for_each_token([&](int64_t t) {
    float* row = inner + t * values;
    for (int64_t h = 0; h < form.n_heads; ++h) {
      kernels::kernels().rmsnorm({.x = row + h * form.value_dim,
                                  .gain = w.mixer_norm.data(),
                                  .epsilon = step.config.norm.epsilon,
                                  .n = static_cast<size_t>(form.value_dim),
                                  .out = row + h * form.value_dim});
    }
    kernels::kernels().silu_mul(gate + t * values, row, static_cast<size_t>(values), row);
  });
  const Projection output{&w.mixer_output.matrix, out};
  project(inner, step.n_tokens, {&output, 1}, b.projection, step.pool);
}

}  // namespace whet
