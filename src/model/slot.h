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
  kPositions,
  kEmbeddingNorm,
  kOutputNorm,
  kHead,
  kLayerEmbedding,
  kLayerProjection,
  kLayerProjectionNorm,
  // of a layer
  kAttentionNorm,
  kQ,
  kK,
  kV,
  kQNorm,
  kKNorm,
  kSinks,
  kQueryDown,
  kQueryNorm,
  kLatent,
  kLatentNorm,
  kKeyUp,
  kValueUp,
  kMixerIn,
  kMixerGate,
  kMixerRate,
  kMixerDecay,
  kConvolution,
  kConvolutionBias,
  kDecay,
  kStepBias,
  kSkip,
  kMixerNorm,
  kMixerOutput,
  kAttentionOutput,
  kAttentionPostNorm,
  kFfnNorm,
  kGate,
  kUp,
  kDown,
  kRouter,
  kSelectionBias,
  kExpertGate,
  kExpertUp,
  kExpertDown,
  kSharedGate,
  kFfnPostNorm,
  kLayerInputGate,
  kLayerInputOut,
  kLayerInputNorm,
  kOutputScale,
  // Rows of several in one tensor, for files that have it so: q, k, v and gate, up, and of each head
  // the rows that make a key, then a value, of a latent.
  kQkv,
  kGateUp,
  kExpertGateUp,
  kLatentUp,
  // Names of kQ where queries have a low rank, and of kGate, kUp, kDown in layers with experts, where
  // other layers have other names.
  kQueryUp,
  kSharedGateMatrix,
  kSharedUpMatrix,
  kSharedDownMatrix,
};
inline constexpr size_t kSlots = static_cast<size_t>(Slot::kSharedDownMatrix) + 1;

/// A matrix [rows, columns], or (columns 0) a vector of so many elements. No rows: the form has no
/// such tensor. The taps of a convolution are stored as [channels, width].
struct SlotShape {
  int64_t rows = 0;
  int64_t columns = 0;
  bool bias = false;
  int64_t n_experts = 0;  // so many matrices of this shape; 0: one
};
SlotShape shape_of(Slot slot, const ModelConfig& config);                          // of the model
SlotShape shape_of(Slot slot, const ModelConfig& config, const LayerForm& layer);  // of a layer

/// Calls f(Slot, weights&) for every slot of a layer; weights are LinearWeights, NormWeights,
/// ExpertWeights or std::vector<float>.
template <typename Layer, typename F>
void for_each_slot(Layer& w, F&& f) {
  f(Slot::kAttentionNorm, w.attention_norm);
  f(Slot::kQ, w.q);
  f(Slot::kK, w.k);
  f(Slot::kV, w.v);
  f(Slot::kQNorm, w.q_norm);
  f(Slot::kKNorm, w.k_norm);
  f(Slot::kSinks, w.sinks);
  f(Slot::kQueryDown, w.query_down);
  f(Slot::kQueryNorm, w.query_norm);
  f(Slot::kLatent, w.latent);
  f(Slot::kLatentNorm, w.latent_norm);
  f(Slot::kKeyUp, w.key_up);
  f(Slot::kValueUp, w.value_up);
  f(Slot::kMixerIn, w.mixer_in);
  f(Slot::kMixerGate, w.mixer_gate);
  f(Slot::kMixerRate, w.mixer_rate);
  f(Slot::kMixerDecay, w.mixer_decay);
  f(Slot::kConvolution, w.convolution);
  f(Slot::kConvolutionBias, w.convolution_bias);
  f(Slot::kDecay, w.decay);
  f(Slot::kStepBias, w.step_bias);
  f(Slot::kSkip, w.skip);
  f(Slot::kMixerNorm, w.mixer_norm);
  f(Slot::kMixerOutput, w.mixer_output);
  f(Slot::kAttentionOutput, w.attention_output);
  f(Slot::kAttentionPostNorm, w.attention_post_norm);
  f(Slot::kFfnNorm, w.ffn_norm);
  f(Slot::kGate, w.gate);
  f(Slot::kUp, w.up);
  f(Slot::kDown, w.down);
  f(Slot::kRouter, w.router);
  f(Slot::kSelectionBias, w.selection_bias);
  f(Slot::kExpertGate, w.expert_gate);
  f(Slot::kExpertUp, w.expert_up);
  f(Slot::kExpertDown, w.expert_down);
  f(Slot::kSharedGate, w.shared_gate);
  f(Slot::kFfnPostNorm, w.ffn_post_norm);
  f(Slot::kLayerInputGate, w.layer_input_gate);
  f(Slot::kLayerInputOut, w.layer_input_out);
  f(Slot::kLayerInputNorm, w.layer_input_norm);
  f(Slot::kOutputScale, w.output_scale);
}

/// Calls f(Matrix&) for every matrix that a layer has; of experts, for the first `n_experts`.
template <typename Layer, typename F>
void for_each_matrix(Layer& w, F&& f, int64_t n_experts = INT64_MAX) {
  for_each_slot(w, [&](Slot slot, auto& weights) {
    if constexpr (requires { weights.matrices; }) {
      const bool is_of_heads = slot == Slot::kKeyUp || slot == Slot::kValueUp;
      int64_t i = 0;
      for (auto& matrix : weights.matrices) {
        if (is_of_heads || i++ < n_experts) f(matrix);
      }
    } else if constexpr (requires { weights.matrix; }) {
      if (weights.matrix.rows > 0) f(weights.matrix);
    }
  });
}

}  // namespace whet
