#include "model/slot.h"

#include "base/check.h"

namespace whet {
namespace {

SlotShape norm_shape(bool present, int64_t n, const ModelConfig& c) {
  return present ? SlotShape{.rows = n, .bias = c.norm.bias} : SlotShape{};
}

/// Which part of an FFN: rows F, or F twice, or D.
enum class FfnPart { kGate, kUp, kGateUp, kDown };

SlotShape ffn_shape(FfnPart part, const FfnForm& f, int64_t d_model) {
  if (f.dim == 0) return {};
  if (!f.gated && (part == FfnPart::kGate || part == FfnPart::kGateUp)) return {};
  if (part == FfnPart::kDown) return {d_model, f.dim, f.bias};
  return {part == FfnPart::kGateUp ? 2 * f.dim : f.dim, d_model, f.bias};
}

SlotShape experts_shape(FfnPart part, const ExpertsForm& e, int64_t d_model) {
  if (e.n_experts == 0) return {};
  SlotShape shape = ffn_shape(part, e.expert, d_model);
  shape.n_experts = e.n_experts;
  return shape;
}

SlotShape qk_norm_shape(const AttentionBlockForm& a, int64_t n_heads) {
  const int64_t heads = a.qk_norm == QkNorm::kNone      ? 0
                        : a.qk_norm == QkNorm::kPerHead ? 1
                                                        : n_heads;
  return {.rows = heads * a.head_dim};
}

/// Of a layer without attention.
SlotShape recurrent_shape(Slot slot, Mixer mixer, const RecurrentForm& r, int64_t d_model) {
  const bool delta = mixer == Mixer::kDeltaNet, mamba = !delta && mixer != Mixer::kShortConvolution;
  const bool convolution = mixer == Mixer::kShortConvolution;
  switch (slot) {
    case Slot::kMixerIn:
      if (convolution) return {3 * r.channels, d_model, r.projection_bias};
      if (mamba) return {r.inner_dim() + r.channels + r.n_heads, d_model, r.projection_bias};
      return {r.channels, d_model};
    case Slot::kMixerGate:
      return {delta ? r.inner_dim() : 0, d_model};
    case Slot::kMixerRate:
    case Slot::kMixerDecay:
      return {delta ? r.n_heads : 0, d_model};
    case Slot::kConvolution:
      return {r.channels, r.width};
    case Slot::kConvolutionBias:
      return {.rows = r.convolution_bias ? r.channels : 0};
    case Slot::kDecay:
    case Slot::kStepBias:
      return {.rows = convolution ? 0 : r.n_heads};
    case Slot::kSkip:
      return {.rows = mamba ? r.n_heads : 0};
    case Slot::kMixerNorm:
      return {.rows = delta ? r.value_dim : mamba && r.norm ? r.inner_dim() : 0};
    case Slot::kMixerOutput:
      return {d_model, convolution ? r.channels : r.inner_dim(), r.projection_bias};
    default:
      return {};
  }
}

SlotShape latent_shape(Slot slot, const LatentAttentionForm& a, int64_t d_model) {
  switch (slot) {
    case Slot::kQueryDown:
      return {a.query_rank, d_model, a.bias};
    case Slot::kQueryNorm:
      return {.rows = a.query_rank};
    case Slot::kQ:
      return {a.n_heads * a.query_dim(), a.query_rank > 0 ? a.query_rank : d_model};
    case Slot::kLatent:
      return {a.cached_dim(), d_model, a.bias};
    case Slot::kLatentNorm:
      return {.rows = a.rank};
    case Slot::kKeyUp:
      return {a.rank, a.content_dim, false, a.n_heads};
    case Slot::kValueUp:
      return {a.value_dim, a.rank, false, a.n_heads};
    case Slot::kLatentUp:
      return {a.n_heads * (a.content_dim + a.value_dim), a.rank};
    case Slot::kAttentionOutput:
      return {d_model, a.n_heads * a.value_dim, a.bias};
    default:
      return {};
  }
}

bool is_latent_slot(Slot slot) {
  return slot == Slot::kQueryDown || slot == Slot::kQueryNorm || slot == Slot::kLatent ||
         slot == Slot::kLatentNorm || slot == Slot::kKeyUp || slot == Slot::kValueUp ||
         slot == Slot::kLatentUp;
}

bool is_attention_slot(Slot slot) {
  return slot == Slot::kQ || slot == Slot::kK || slot == Slot::kV || slot == Slot::kQkv ||
         slot == Slot::kQNorm || slot == Slot::kKNorm || slot == Slot::kSinks ||
         slot == Slot::kAttentionOutput;
}

}  // namespace

SlotShape shape_of(Slot slot, const ModelConfig& c) {
  switch (slot) {
    case Slot::kEmbedding:
      return {c.vocab_size, c.d_model};
    case Slot::kPositions:
      return {c.n_positions, c.d_model};
    case Slot::kEmbeddingNorm:
      return norm_shape(c.embedding_norm, c.d_model, c);
    case Slot::kHead:
      return {c.vocab_size, c.d_model, c.head_bias};
    case Slot::kOutputNorm:
      return norm_shape(true, c.d_model, c);
    case Slot::kLayerEmbedding:
      return {c.layer_input_dim > 0 ? c.vocab_size : 0, c.n_layers() * c.layer_input_dim};
    case Slot::kLayerProjection:
      return {c.n_layers() * c.layer_input_dim, c.d_model};
    case Slot::kLayerProjectionNorm:
      return norm_shape(c.layer_input_dim > 0, c.layer_input_dim, c);
    default:
      WHET_UNREACHABLE();
  }
}

SlotShape shape_of(Slot slot, const ModelConfig& c, const LayerForm& layer) {
  const AttentionBlockForm& a = layer.attention;
  const int64_t q_dim = a.n_heads * a.head_dim, kv_dim = a.n_kv_heads * a.head_dim;
  const bool own = a.shared_layer == AttentionBlockForm::kOwnKeys;
  if (is_latent_slot(slot) || is_attention_slot(slot)) {
    if (layer.mixer == Mixer::kLatentAttention) return latent_shape(slot, layer.latent, c.d_model);
    if (is_latent_slot(slot) || !layer.has_attention()) return {};
  }
  switch (slot) {
    case Slot::kAttentionNorm:
      return norm_shape(layer.norm_before && layer.mixer != Mixer::kNone, c.d_model, c);
    case Slot::kQ:
      return {a.output_gate ? 2 * q_dim : q_dim, c.d_model, a.qkv_bias};
    case Slot::kK:
      return {own ? kv_dim : 0, c.d_model, a.qkv_bias};
    case Slot::kV:
      return {own && !a.key_is_value ? kv_dim : 0, c.d_model, a.qkv_bias};
    case Slot::kQkv:
      return {q_dim + 2 * kv_dim, c.d_model, a.qkv_bias};
    case Slot::kQNorm:
      return qk_norm_shape(a, a.n_heads);
    case Slot::kKNorm:
      return own ? qk_norm_shape(a, a.n_kv_heads) : SlotShape{};
    case Slot::kAttentionOutput:
      return {c.d_model, q_dim, a.output_bias};
    case Slot::kAttentionPostNorm:
      return norm_shape(layer.norm_after && layer.mixer != Mixer::kNone, c.d_model, c);
    case Slot::kFfnPostNorm:
      return norm_shape(layer.norm_after && layer.has_ffn(), c.d_model, c);
    case Slot::kFfnNorm:
      return norm_shape(
          layer.norm_before && layer.has_ffn() && layer.residual != Residual::kParallelOneNorm,
          c.d_model, c);
    case Slot::kSinks:
      return {.rows = a.sinks ? a.n_heads : 0};
    case Slot::kGate:
      return ffn_shape(FfnPart::kGate, layer.ffn, c.d_model);
    case Slot::kUp:
      return ffn_shape(FfnPart::kUp, layer.ffn, c.d_model);
    case Slot::kGateUp:
      return ffn_shape(FfnPart::kGateUp, layer.ffn, c.d_model);
    case Slot::kDown:
      return ffn_shape(FfnPart::kDown, layer.ffn, c.d_model);
    case Slot::kRouter:
      return {layer.experts.n_experts, c.d_model, layer.experts.router_bias};
    case Slot::kSelectionBias:
      return {.rows = layer.experts.selection_bias ? layer.experts.n_experts : 0};
    case Slot::kExpertGate:
      return experts_shape(FfnPart::kGate, layer.experts, c.d_model);
    case Slot::kExpertUp:
      return experts_shape(FfnPart::kUp, layer.experts, c.d_model);
    case Slot::kExpertGateUp:
      return experts_shape(FfnPart::kGateUp, layer.experts, c.d_model);
    case Slot::kExpertDown:
      return experts_shape(FfnPart::kDown, layer.experts, c.d_model);
    case Slot::kSharedGate:
      return {layer.experts.shared_gate ? 1 : 0, c.d_model};
    case Slot::kLayerInputGate:
      return {c.layer_input_dim, c.d_model};
    case Slot::kLayerInputOut:
      return {c.layer_input_dim > 0 ? c.d_model : 0, c.layer_input_dim};
    case Slot::kLayerInputNorm:
      return norm_shape(c.layer_input_dim > 0, c.d_model, c);
    case Slot::kOutputScale:
      return {.rows = layer.output_scale ? 1 : 0};
    case Slot::kEmbedding:
    case Slot::kPositions:
    case Slot::kEmbeddingNorm:
    case Slot::kOutputNorm:
    case Slot::kHead:
    case Slot::kLayerEmbedding:
    case Slot::kLayerProjection:
    case Slot::kLayerProjectionNorm:
      WHET_UNREACHABLE();
    default:
      return layer.has_state() ? recurrent_shape(slot, layer.mixer, layer.recurrent, c.d_model)
                               : SlotShape{};
  }
}

}  // namespace whet
