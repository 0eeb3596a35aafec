// Inputs that belong to a token and a layer, as Gemma 4 has them: of the token's row in a second
// embedding and of what the first one gives, a few numbers for every layer, which it adds gated.
#include <cmath>

#include "kernels/interleave.h"
#include "model/step.h"

namespace whet {

void layer_inputs(Step& step, const Weights& w, const float* x) {
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t p = step.config.layer_input_dim, n = step.config.n_layers() * p;
  float* inputs = step.reserve(b.layer_inputs, n);
  const Projection projection{&w.layer_projection.matrix, inputs};
  project(x, step.n_tokens, {&projection, 1}, b.projection, step.pool);
  const float of_projection = 1.0f / std::sqrt(static_cast<float>(step.config.d_model));
  const float of_embedding = std::sqrt(static_cast<float>(p));
  const auto& table = kernels::kernels();
  float* rows = step.reserve(b.layer_rows, n);
  const auto size = static_cast<size_t>(n);
  step.for_each_token([&](int64_t t) {
    float* row = rows + t * n;
    kernels::dequantize_row(w.layer_embedding, b.tokens[static_cast<size_t>(t)], row);
    float* out = inputs + t * n;
    table.scale(out, size, of_projection);
    table.scale(row, size, of_embedding);
    for (int64_t i = 0; i < n; i += p) {
      table.rmsnorm({.x = out + i,
                     .gain = w.layer_projection_norm.gain.data(),
                     .epsilon = step.config.norm.epsilon,
                     .n = static_cast<size_t>(p),
                     .out = out + i});
    }
    table.add(out, row, size, out);
    table.scale(out, size, std::sqrt(0.5f));
  });
}

void layer_input_block(Step& step, int64_t layer, const LayerWeights& w, float* x) {
  ForwardScratch::Buffers& b = step.buffers;
  const int64_t p = step.config.layer_input_dim, stride = step.config.n_layers() * p;
  const int64_t d = step.config.d_model;
  float* gate = step.reserve(b.gate, p);
  float* out = step.reserve(b.delta, d);
  const Projection gating{&w.layer_input_gate.matrix, gate};
  project(x, step.n_tokens, {&gating, 1}, b.projection, step.pool);
  step.for_each_token([&](int64_t t) {
    const float* input = b.layer_inputs.data() + t * stride + layer * p;
    activate_gated(step.config.layer_input_activation, gate + t * p, input, p, gate + t * p);
  });
  const Projection output{&w.layer_input_out.matrix, out};
  project(gate, step.n_tokens, {&output, 1}, b.projection, step.pool);
  normalise(step, w.layer_input_norm, out, d, out);
  step.for_each_token([&](int64_t t) {
    kernels::kernels().add(x + t * d, out + t * d, static_cast<size_t>(d), x + t * d);
  });
}

}  // namespace whet
