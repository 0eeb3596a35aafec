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

}  // namespace

SlotShape shape_of(Slot slot, const ModelConfig& c) {
  switch (slot) {
    case Slot::kEmbedding:
      return {c.vocab_size, c.d_model};
    case Slot::kHead:
      return {c.vocab_size, c.d_model, c.head_bias};
    case Slot::kOutputNorm:
      return norm_shape(true, c.d_model, c);
    default:
      WHET_UNREACHABLE();
  }
}

SlotShape shape_of(Slot slot, const ModelConfig& c, const LayerForm& layer) {
  const AttentionBlockForm& a = layer.attention;
  const int64_t q_dim = a.n_heads * a.head_dim, kv_dim = a.n_kv_heads * a.head_dim;
  switch (slot) {
    case Slot::kAttentionNorm:
      return norm_shape(layer.norm_before, c.d_model, c);
    case Slot::kQ:
      return {q_dim, c.d_model, a.qkv_bias};
    case Slot::kK:
    case Slot::kV:
      return {kv_dim, c.d_model, a.qkv_bias};
    case Slot::kQkv:
      return {q_dim + 2 * kv_dim, c.d_model, a.qkv_bias};
    case Slot::kQNorm:
      return qk_norm_shape(a, a.n_heads);
    case Slot::kKNorm:
      return qk_norm_shape(a, a.n_kv_heads);
    case Slot::kAttentionOutput:
      return {c.d_model, q_dim, a.output_bias};
    case Slot::kAttentionPostNorm:
    case Slot::kFfnPostNorm:
      return norm_shape(layer.norm_after, c.d_model, c);
    case Slot::kFfnNorm:
      return norm_shape(layer.norm_before && layer.residual != Residual::kParallelOneNorm,
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
    default:
      WHET_UNREACHABLE();
  }
}

}  // namespace whet
