#include "adapt/rotatable.h"

#include <fmt/format.h>

namespace whet::adapt {
namespace {

/// What stands against a rotation; "" if nothing.
std::string obstacle(const ModelConfig& c) {
  if (c.norm.kind != NormKind::kRms) return "norms that subtract the mean";
  if (c.embedding_norm) return "a norm of its embeddings";
  if (c.n_positions > 0) return "embeddings of positions";
  if (c.layer_input_dim > 0) return "inputs of each layer from the token";
  return "";
}

std::string obstacle(const LayerForm& layer) {
  const AttentionBlockForm& a = layer.attention;
  if (layer.norm_after) return "norms behind attention and FFN, whose gains fold into no weight";
  if (!layer.norm_before) return "no norms before attention and FFN";
  if (layer.residual != Residual::kSequential) return "attention and FFN side by side";
  if (layer.mixer != Mixer::kAttention) return "mixers other than attention over heads";
  if (layer.experts.n_experts > 0) return "experts";
  if (layer.ffn.dim == 0) return "a layer without FFN";
  if (!layer.ffn.gated) return "an FFN without gate";
  if (a.output_gate) return "attention whose output is gated";
  if (a.values_normed || a.key_is_value) return "values with a norm, or shared with keys";
  if (a.shared_layer != AttentionBlockForm::kOwnKeys) return "keys that layers share";
  if (a.clamp != 0) return "clamped values";
  return "";
}

}  // namespace

Status check_rotatable(const ModelConfig& config) {
  std::string found = obstacle(config);
  for (size_t i = 0; i < config.layers.size() && found.empty(); ++i) {
    found = obstacle(config.layers[i]);
    if (!found.empty()) found += fmt::format(" (layer {})", i);
  }
  if (found.empty()) return ok_status();
  return Error(
      ErrorCode::kInvalidModel,
      fmt::format("architecture {}: a rotation needs RMS norms alone before attention and gated "
                  "FFN, as in llama, qwen2 and qwen3; found {}",
                  config.architecture, found));
}

}  // namespace whet::adapt
