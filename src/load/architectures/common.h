// What most architectures share: the names of both dialects and the words for the sizes.
#pragma once

#include "load/architecture.h"

namespace whet {

/// Of llama.cpp's converter, for every architecture.
inline constexpr TensorNames kGgufNames =
    TensorNames()
        .with(Slot::kEmbedding, "token_embd.weight")
        .with(Slot::kOutputNorm, "output_norm.weight")
        .with(Slot::kHead, "output.weight")
        .with(Slot::kAttentionNorm, "blk.{}.attn_norm.weight")
        .with(Slot::kQkv, "blk.{}.attn_qkv.weight")
        .with(Slot::kQ, "blk.{}.attn_q.weight")
        .with(Slot::kK, "blk.{}.attn_k.weight")
        .with(Slot::kV, "blk.{}.attn_v.weight")
        .with(Slot::kQNorm, "blk.{}.attn_q_norm.weight")
        .with(Slot::kKNorm, "blk.{}.attn_k_norm.weight")
        .with(Slot::kAttentionOutput, "blk.{}.attn_output.weight")
        .with(Slot::kAttentionPostNorm, "blk.{}.post_attention_norm.weight")
        .with(Slot::kFfnNorm, "blk.{}.ffn_norm.weight")
        .with(Slot::kGate, "blk.{}.ffn_gate.weight")
        .with(Slot::kUp, "blk.{}.ffn_up.weight")
        .with(Slot::kDown, "blk.{}.ffn_down.weight")
        .with(Slot::kFfnPostNorm, "blk.{}.post_ffw_norm.weight");

/// Of Hugging Face's Llama and those that follow it.
inline constexpr TensorNames kLlamaNames =
    TensorNames()
        .with(Slot::kEmbedding, "model.embed_tokens.weight")
        .with(Slot::kOutputNorm, "model.norm.weight")
        .with(Slot::kHead, "lm_head.weight")
        .with(Slot::kAttentionNorm, "model.layers.{}.input_layernorm.weight")
        .with(Slot::kQ, "model.layers.{}.self_attn.q_proj.weight")
        .with(Slot::kK, "model.layers.{}.self_attn.k_proj.weight")
        .with(Slot::kV, "model.layers.{}.self_attn.v_proj.weight")
        .with(Slot::kQNorm, "model.layers.{}.self_attn.q_norm.weight")
        .with(Slot::kKNorm, "model.layers.{}.self_attn.k_norm.weight")
        .with(Slot::kAttentionOutput, "model.layers.{}.self_attn.o_proj.weight")
        .with(Slot::kFfnNorm, "model.layers.{}.post_attention_layernorm.weight")
        .with(Slot::kGate, "model.layers.{}.mlp.gate_proj.weight")
        .with(Slot::kUp, "model.layers.{}.mlp.up_proj.weight")
        .with(Slot::kDown, "model.layers.{}.mlp.down_proj.weight");

/// What a reader of an architecture starts from. Reads the sizes, the norm's epsilon, the tied head
/// and the quantisation that whet does not read; fills `config` with layers that are all alike:
/// attention over whole heads of 1/sqrt(K), and an FFN. The ropes stay empty.
struct Sizes {
  NormKind norm = NormKind::kRms;
  Word epsilon = {"attention.layer_norm_rms_epsilon", "rms_norm_eps"};
  std::optional<double> usual_epsilon = 1e-6;  // of config.json
  Word ffn = {"feed_forward_length", "intermediate_size"};
};
Status read_sizes(ConfigReader& reader, const Sizes& sizes, ModelConfig& config);

/// The activation word of config.json ("hidden_act"); GGUF has none and means `usual`.
Result<Activation> read_activation(ConfigReader& reader, std::string_view word, Activation usual);

}  // namespace whet
