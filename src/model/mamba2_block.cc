// Mamba-2's mixer: in gives a gate, values, keys, queries and step widths; all but the gate and the
// widths go through a convolution; each head's state decays by its step and grows by key and value.
#include <cmath>

#include "model/step.h"
#include "ops/recurrence.h"

namespace whet {
namespace {

/// Step widths of a row, and the decays that follow from them.
void finish_rates(const LayerWeights& w, int64_t n_heads, const float* steps, float* rates,
                  float* decays) {
  for (int64_t h = 0; h < n_heads; ++h) {
    const auto at = static_cast<size_t>(h);
    rates[h] = softplus(steps[h] + w.step_bias[at]);
    decays[h] = std::exp(w.decay[at] * rates[h]);
  }
}

/// Gate, values, keys, queries and steps of a row by their factors.
void scale_parts(const RecurrentForm& form, float* row) {
  const int64_t sizes[] = {form.inner_dim(), form.inner_dim(), form.keys_dim(), form.keys_dim(),
                           form.n_heads};
  for (size_t i = 0; i < form.input_factors.size(); ++i) {
    kernels::kernels().scale(row, static_cast<size_t>(sizes[i]), form.input_factors[i]);
    row += sizes[i];
  }
}

/// y += skip * x, head by head; y *= silu(gate); norm by groups.
void finish_row(const RecurrentForm& form, const LayerWeights& w, float epsilon, const float* x,
                const float* gate, float* y) {
  const auto& table = kernels::kernels();
  for (int64_t h = 0; h < form.n_heads; ++h) {
    const float skip = w.skip[static_cast<size_t>(h)];
    for (int64_t i = h * form.value_dim; i < (h + 1) * form.value_dim; ++i) y[i] += skip * x[i];
  }
  const int64_t n = form.inner_dim(), group = n / form.n_key_heads;
  table.silu_mul(gate, y, static_cast<size_t>(n), y);
  if (!form.norm) return;
  for (int64_t i = 0; i < n; i += group) {
    table.rmsnorm({.x = y + i,
                   .gain = w.mixer_norm.data() + i,
                   .epsilon = epsilon,
                   .n = static_cast<size_t>(group),
                   .out = y + i});
  }
}

}  // namespace

void mamba2_block(Step& step, int64_t layer, const RecurrentForm& form, const LayerWeights& w,
                  const float* in, float* out) {
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t values = form.inner_dim(), heads = form.n_heads;
  const int64_t stride = values + form.channels + heads;
  float* mixed = step.reserve(b.mixed, stride);
  float* rates = step.reserve(b.rates, heads);
  float* decays = step.reserve(b.decays, heads);
  float* inner = step.reserve(b.attended, values);
  const Projection projection{&w.mixer_in.matrix, mixed};
  project(in, step.n_tokens, {&projection, 1}, b.projection, step.pool);
  add_bias(step, w.mixer_in.bias, mixed);
  if (!form.input_factors.empty()) {
    step.for_each_token([&](int64_t t) { scale_parts(form, mixed + t * stride); });
  }
  float* x = mixed + values;  // values, keys, queries
  convolve({.channels = form.channels,
            .width = form.width,
            .taps = w.convolution.data(),
            .bias = form.convolution_bias ? w.convolution_bias.data() : nullptr,
            .silu = true},
           b.attention_segments, layer, x, stride, step.pool);
  step.for_each_token([&](int64_t t) {
    finish_rates(w, heads, x + t * stride + form.channels, rates + t * heads, decays + t * heads);
  });
  recur({.n_heads = heads,
         .n_key_heads = form.n_key_heads,
         .tiled = form.tiled,
         .key_dim = form.key_dim,
         .value_dim = form.value_dim,
         .corrects = false,
         .state_offset = form.convolution_state()},
        {.segments = b.attention_segments,
         .layer = layer,
         .keys = x + values,
         .queries = x + values + form.keys_dim(),
         .values = x,
         .stride = stride,
         .decays = decays,
         .rates = rates,
         .out = inner},
        step.pool);
  step.for_each_token([&](int64_t t) {
    finish_row(form, w, step.config.norm.epsilon, x + t * stride, mixed + t * stride,
               inner + t * values);
  });
  const Projection output{&w.mixer_output.matrix, out};
  project(inner, step.n_tokens, {&output, 1}, b.projection, step.pool);
  add_bias(step, w.mixer_output.bias, out);
  scale_rows(step, form.output_factor, step.config.d_model, out);
}

}  // namespace whet
