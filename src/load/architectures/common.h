// What most architectures share: the names of both dialects and the words for the sizes.
#pragma once

#include <functional>

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
        .with(Slot::kSinks, "blk.{}.attn_sinks.weight")
        .with(Slot::kRouter, "blk.{}.ffn_gate_inp.weight")
        .with(Slot::kExpertGate, "blk.{}.ffn_gate_exps.weight")
        .with(Slot::kExpertUp, "blk.{}.ffn_up_exps.weight")
        .with(Slot::kExpertDown, "blk.{}.ffn_down_exps.weight")
        .with(Slot::kSharedGate, "blk.{}.ffn_gate_inp_shexp.weight")
        .with(Slot::kSelectionBias, "blk.{}.exp_probs_b.bias")
        .with(Slot::kMixerIn, "blk.{}.ssm_in.weight")
        .with(Slot::kConvolution, "blk.{}.ssm_conv1d.weight")
        .with(Slot::kConvolutionBias, "blk.{}.ssm_conv1d.bias")
        .with(Slot::kDecay, "blk.{}.ssm_a")
        .with(Slot::kStepBias, "blk.{}.ssm_dt.bias")
        .with(Slot::kSkip, "blk.{}.ssm_d")
        .with(Slot::kMixerNorm, "blk.{}.ssm_norm.weight")
        .with(Slot::kMixerOutput, "blk.{}.ssm_out.weight")
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

/// Of Qwen2-MoE and those that follow it.
inline constexpr TensorNames kLlamaExpertNames =
    kLlamaNames.with(Slot::kRouter, "model.layers.{}.mlp.gate.weight")
        .with(Slot::kExpertGate, "model.layers.{}.mlp.experts.{}.gate_proj.weight")
        .with(Slot::kExpertUp, "model.layers.{}.mlp.experts.{}.up_proj.weight")
        .with(Slot::kExpertDown, "model.layers.{}.mlp.experts.{}.down_proj.weight");

/// What a reader of an architecture starts from. Reads the sizes, the norm's epsilon, the tied head
/// and the quantisation that whet does not read; fills `config` with layers that are all alike:
/// attention over whole heads of 1/sqrt(K), and an FFN. The ropes stay empty.
struct Sizes {
  /// Words of config.json for them.
  std::string_view layers = "num_hidden_layers", width = "hidden_size";
  std::string_view context = "max_position_embeddings", heads = "num_attention_heads";
  NormKind norm = NormKind::kRms;
  Word epsilon = {"attention.layer_norm_rms_epsilon", "rms_norm_eps"};
  std::optional<double> usual_epsilon = 1e-6;  // of config.json
  Word ffn = {"feed_forward_length", "intermediate_size"};
  int64_t ffn_widths = 0;  // F in widths D, where config.json does not name F
  int64_t n_layers = 0;    // of config.json where it does not name the number
  bool dense = true;       // all layers are FFNs
  bool hybrid = false;     // layers of GGUF with 0 KV heads have no attention
  bool by_layer = false;  // GGUF may give KV heads and FFN widths for each layer; read() takes them
  bool latent = false;    // read() takes the widths of heads
  int64_t n_unused_layers = 0;  // that GGUF counts and that are not run
};
Status read_sizes(ConfigReader& reader, const Sizes& sizes, ModelConfig& config);

/// The window of every layer, 0 where it sees everything. `is_windowed` says which layers have one
/// where neither "layer_types" of config.json nor a pattern in GGUF does.
Result<std::vector<int64_t>> read_windows(ConfigReader& reader, int64_t n_layers,
                                          const std::function<bool(int64_t layer)>& is_windowed,
                                          int64_t usual_window = 0);

/// Qwen's words: where "use_sliding_window" says so, the layers that `is_windowed` names by
/// "max_window_layers" have windows.
Status read_qwen_windows(ConfigReader& reader,
                         bool (*is_windowed)(int64_t layer, double max_window_layers),
                         ModelConfig& config);
/// "sliding_window_pattern": each so manieth layer sees everything.
Result<int64_t> read_window_period(ConfigReader& reader, int64_t usual);

/// Which layers attend: in GGUF those with KV heads, as read_sizes() left them, and no others; in
/// config.json those whose "layer_types" says so, where only `other` may stand beside it.
Result<std::vector<bool>> read_attending_layers(ConfigReader& reader, const ModelConfig& config,
                                                std::initializer_list<std::string_view> attends,
                                                std::string_view other);

/// Sizes of Mamba-2, of GGUF's "ssm" keys or of these words of config.json.
struct Mamba2Words {
  std::string_view n_heads = "mamba_n_heads", head_dim = "mamba_d_head";
  std::string_view n_groups = "mamba_n_groups", state = "mamba_d_state", width = "mamba_d_conv";
  std::string_view convolution_bias = "mamba_conv_bias", projection_bias = "mamba_proj_bias";
  /// All heads' width, where config.json does not say one head's or says "auto"; 0: it must.
  int64_t inner_dim = 0;
};
/// Of config.json: "mamba_expand" widths of the model.
Result<int64_t> expanded_width(ConfigReader& reader, const ModelConfig& config);
Result<RecurrentForm> read_mamba2(ConfigReader& reader, const Mamba2Words& words,
                                  const char* first_convolution_bias, const char* first_in_bias);

/// Errors: "time_step_limit" of config.json bounds the steps of Mamba-2, which transformers does in
/// its prefill alone.
Status expect_no_step_limit(ConfigReader& reader);

/// A word of config.json, or (GGUF has none) whether the first layer has the tensor.
Result<bool> read_bias(ConfigReader& reader, std::string_view word, bool usual,
                       const char* gguf_tensor);

/// Experts in every layer: how many, how many of them a token uses, and their width.
struct ExpertWords {
  Word count = {"expert_count", "num_experts"};
  Word width = {"expert_feed_forward_length", "moe_intermediate_size"};
};
/// Errors: config.json gives some layers FFNs instead ("decoder_sparse_step", "mlp_only_layers").
Status expect_experts_everywhere(ConfigReader& reader);
Result<ExpertsForm> read_experts(ConfigReader& reader, const ExpertWords& words);
/// Every layer gets them, with the activation of its FFN, which shrinks to the `shared` width.
void set_experts(ExpertsForm experts, int64_t shared, ModelConfig& config);

/// The activation word of config.json ("hidden_act"); GGUF has none and means `usual`.
Result<Activation> read_activation(ConfigReader& reader, std::string_view word, Activation usual);

}  // namespace whet
