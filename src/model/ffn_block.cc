// The feed-forward half of a layer.
#include "model/step.h"

namespace whet {

void ffn_block(Step& step, const FfnForm& form, const LayerWeights& w, const float* in,
               float* out) {
  ForwardScratch::Buffers& b = step.buffers;
  float* up = step.reserve(b.up, form.dim);
  float* gate = form.gated ? step.reserve(b.gate, form.dim) : nullptr;
  const Projection both[] = {{&w.gate.matrix, gate}, {&w.up.matrix, up}};
  project(in, step.n_tokens, std::span(both).last(form.gated ? 2 : 1), b.projection, step.pool);
  const auto add = kernels::kernels().add;
  const float* gate_threshold = nullptr;
  if (step.sparsity != nullptr && step.sparsity->by_gate) {
    gate_threshold = &step.sparsity->thresholds[static_cast<size_t>(step.layer)]
                                               [static_cast<size_t>(SparsitySite::kFfnOutput)];
  }
  step.for_each_token([&](int64_t t) {
    float* row = up + t * form.dim;
    add(row, w.up.bias.data(), w.up.bias.size(), row);
    if (form.gated) {
      float* gate_row = gate + t * form.dim;
      add(gate_row, w.gate.bias.data(), w.gate.bias.size(), gate_row);
      if (form.gate_factor != 1) {
        kernels::kernels().scale(gate_row, static_cast<size_t>(form.dim), form.gate_factor);
      }
      activate_gated(form.activation, gate_row, row, form.dim, row);
      if (gate_threshold != nullptr && step.buffers.sparse[static_cast<size_t>(t)] != 0) {
        activate(form.activation, gate_row, form.dim, gate_row);
        leave_out_below(*gate_threshold, gate_row, form.dim, row);
      }
    } else {
      activate(form.activation, row, form.dim, row);
    }
  });
  make_sparse(step, SparsitySite::kFfnOutput, form.dim, up);
  const Projection down{&w.down.matrix, out};
  project(up, step.n_tokens, {&down, 1}, b.projection, step.pool);
  add_bias(step, w.down.bias, out);
  scale_rows(step, form.output_factor, step.config.d_model, out);
}

}  // namespace whet
