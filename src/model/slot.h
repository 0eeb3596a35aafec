// The one table of a model's tensors: what each is for, which shape its form gives it, and where
// its weights lie. Binder, interleaver, quantizer, synth and bench go through it.
#pragma once

#include <array>
#include <cstdint>

#include "model/model_config.h"
#include "model/weights.h"

namespace whet {

enum class Slot : uint8_t {
  kEmbedding,
  kOutputNorm,
  kHead,
  // of a layer
  kAttentionNorm,
  kQ,
  kK,
  kV,
  kQNorm,
  kKNorm,
  kAttentionOutput,
  kAttentionPostNorm,
  kFfnNorm,
  kGate,
  kUp,
  kDown,
  kFfnPostNorm,
  // Rows of several in one tensor, for files that have it so: q, k, v and gate, up.
  kQkv,
  kGateUp,
};
inline constexpr size_t kSlots = static_cast<size_t>(Slot::kGateUp) + 1;

/// A matrix [rows, columns], or (columns 0) a vector of so many elements. No rows: the form has no
/// such tensor.
struct SlotShape {
  int64_t rows = 0;
  int64_t columns = 0;
  bool bias = false;
};
SlotShape shape_of(Slot slot, const ModelConfig& config);                          // of the model
SlotShape shape_of(Slot slot, const ModelConfig& config, const LayerForm& layer);  // of a layer

/// Calls f(Slot, LinearWeights&) or f(Slot, NormWeights&) for every slot of a layer.
template <typename Layer, typename F>
void for_each_slot(Layer& w, F&& f) {
  f(Slot::kAttentionNorm, w.attention_norm);
  f(Slot::kQ, w.q);
  f(Slot::kK, w.k);
  f(Slot::kV, w.v);
  f(Slot::kQNorm, w.q_norm);
  f(Slot::kKNorm, w.k_norm);
  f(Slot::kAttentionOutput, w.attention_output);
  f(Slot::kAttentionPostNorm, w.attention_post_norm);
  f(Slot::kFfnNorm, w.ffn_norm);
  f(Slot::kGate, w.gate);
  f(Slot::kUp, w.up);
  f(Slot::kDown, w.down);
  f(Slot::kFfnPostNorm, w.ffn_post_norm);
}

/// Calls f(Matrix&) for every matrix that a layer has.
template <typename Layer, typename F>
void for_each_matrix(Layer& w, F&& f) {
  for_each_slot(w, [&](Slot, auto& weights) {
    if constexpr (requires { weights.matrix; }) {
      if (weights.matrix.rows > 0) f(weights.matrix);
    }
  });
}

}  // namespace whet
