// LFM2's mixer: in gives B, C and x; out takes C * convolution(B * x).
#include "model/step.h"
#include "ops/recurrence.h"

namespace whet {

void short_convolution_block(Step& step, int64_t layer, const RecurrentForm& form,
                             const LayerWeights& w, const float* in, float* out) {
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t n = form.channels;
  const auto size = static_cast<size_t>(n);
  float* mixed = step.reserve(b.mixed, 3 * n);
  float* inner = step.reserve(b.attended, n);
  const Projection projection{&w.mixer_in.matrix, mixed};
  project(in, step.n_tokens, {&projection, 1}, b.projection, step.pool);
  add_bias(step, w.mixer_in.bias, mixed);
  const auto& table = kernels::kernels();
  step.for_each_token([&](int64_t t) {
    const float* row = mixed + 3 * t * n;
    std::fill_n(inner + t * n, n, 0.0f);
    table.mul_add(row, row + 2 * n, size, inner + t * n);
  });
  convolve({.channels = n,
            .width = form.width,
            .taps = w.convolution.data(),
            .bias = form.convolution_bias ? w.convolution_bias.data() : nullptr,
            .silu = false},
           b.attention_segments, layer, inner, n, step.pool);
  float* gated = step.reserve(b.mixer_gate, n);
  step.for_each_token([&](int64_t t) {
    std::fill_n(gated + t * n, n, 0.0f);
    table.mul_add(mixed + 3 * t * n + n, inner + t * n, size, gated + t * n);
  });
  const Projection output{&w.mixer_output.matrix, out};
  project(gated, step.n_tokens, {&output, 1}, b.projection, step.pool);
  add_bias(step, w.mixer_output.bias, out);
}

}  // namespace whet
