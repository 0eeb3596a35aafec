// DeepSeek 2 and 3 and GLM-4.7 Flash: multi-head latent attention, experts in groups behind a few
// dense layers, beside them one FFN that every token uses.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kDeepseek2Gguf =
    kGgufNames.with(Slot::kQueryDown, "blk.{}.attn_q_a.weight")
        .with(Slot::kQueryNorm, "blk.{}.attn_q_a_norm.weight")
        .with(Slot::kQueryUp, "blk.{}.attn_q_b.weight")
        .with(Slot::kLatent, "blk.{}.attn_kv_a_mqa.weight")
        .with(Slot::kLatentNorm, "blk.{}.attn_kv_a_norm.weight")
        .with(Slot::kKeyUp, "blk.{}.attn_k_b.weight")
        .with(Slot::kValueUp, "blk.{}.attn_v_b.weight")
        .with(Slot::kLatentUp, "blk.{}.attn_kv_b.weight")  // until 2025
        .with(Slot::kSharedGateMatrix, "blk.{}.ffn_gate_shexp.weight")
        .with(Slot::kSharedUpMatrix, "blk.{}.ffn_up_shexp.weight")
        .with(Slot::kSharedDownMatrix, "blk.{}.ffn_down_shexp.weight");
constexpr TensorNames kDeepseek2Names =
    kLlamaExpertNames.with(Slot::kQueryDown, "model.layers.{}.self_attn.q_a_proj.weight")
        .with(Slot::kQueryNorm, "model.layers.{}.self_attn.q_a_layernorm.weight")
        .with(Slot::kQueryUp, "model.layers.{}.self_attn.q_b_proj.weight")
        .with(Slot::kLatent, "model.layers.{}.self_attn.kv_a_proj_with_mqa.weight")
        .with(Slot::kLatentNorm, "model.layers.{}.self_attn.kv_a_layernorm.weight")
        .with(Slot::kLatentUp, "model.layers.{}.self_attn.kv_b_proj.weight")
        .with(Slot::kSelectionBias, "model.layers.{}.mlp.gate.e_score_correction_bias")
        .with(Slot::kSharedGateMatrix, "model.layers.{}.mlp.shared_experts.gate_proj.weight")
        .with(Slot::kSharedUpMatrix, "model.layers.{}.mlp.shared_experts.up_proj.weight")
        .with(Slot::kSharedDownMatrix, "model.layers.{}.mlp.shared_experts.down_proj.weight");

/// What the three kinds of config.json differ in; what it usually says where a word is missing.
struct Deepseek2Kind {
  bool is_sigmoid;
  double scale;
  int64_t n_groups, n_used_groups, n_dense, n_shared;
};
constexpr Deepseek2Kind kSecond{false, 1, 1, 1, 0, 2};
constexpr Deepseek2Kind kThird{true, 2.5, 8, 4, 3, 1};
constexpr Deepseek2Kind kGlm{true, 1.8, 1, 1, 1, 1};

/// A number that null makes 0.
Result<int64_t> count_or_none(ConfigReader& reader, const Word& word, int64_t usual) {
  if (reader.says_null(word)) {
    reader.skip({word.hugging_face});
    return int64_t{0};
  }
  WHET_TRY(const double value, reader.number(word, static_cast<double>(usual)));
  if (!(value >= 0 && value <= static_cast<double>(kMaxWidth)) || value != std::floor(value)) {
    return invalid_model(fmt::format("{}: expected a number from 0 to {}, found {}",
                                     reader.name(word), kMaxWidth, value));
  }
  return static_cast<int64_t>(value);
}

/// GGUF gives the widths of heads as they are cached and, in keys of their own, as they are; files
/// of 2024 only the latter, in the keys of the former.
Status read_gguf_widths(ConfigReader& reader, LatentAttentionForm& form) {
  WHET_TRY(form.query_rank, count_or_none(reader, {"attention.q_lora_rank", ""}, 0));
  WHET_TRY(form.rank, reader.count({"attention.kv_lora_rank", ""}, kMaxWidth));
  WHET_TRY(form.rotated_dim, reader.count({"rope.dimension_count", ""}, kMaxWidth));
  const Word key{"attention.key_length", ""}, value{"attention.value_length", ""};
  WHET_TRY(const int64_t key_length, reader.count(key, kMaxWidth));
  WHET_TRY(const int64_t value_length, reader.count(value, kMaxWidth));
  WHET_TRY(const int64_t query_dim,
           reader.count({"attention.key_length_mla", ""}, kMaxWidth, key_length));
  WHET_TRY(form.value_dim,
           reader.count({"attention.value_length_mla", ""}, kMaxWidth, value_length));
  const bool split = reader.has({"attention.key_length_mla", ""});
  if (split && (key_length != form.cached_dim() || value_length != form.rank)) {
    return invalid_model(fmt::format("{}, {}: expected {} and {} (of the latents), found {} and {}",
                                     reader.name(key), reader.name(value), form.cached_dim(),
                                     form.rank, key_length, value_length));
  }
  form.content_dim = query_dim - form.rotated_dim;
  if (form.content_dim < 1) {
    return invalid_model(
        fmt::format("width of a query: expected more than the {} that rotate, found {}",
                    form.rotated_dim, query_dim));
  }
  return ok_status();
}

Status read_deepseek2_attention(ConfigReader& reader, ModelConfig& config) {
  LatentAttentionForm form;
  form.n_heads = config.layers[0].attention.n_heads;
  form.epsilon = 1e-6f;  // whatever the other norms have
  if (reader.is_gguf()) {
    WHET_TRY_STATUS(read_gguf_widths(reader, form));
  } else {
    WHET_TRY(form.query_rank, count_or_none(reader, {"", "q_lora_rank"}, 1536));
    WHET_TRY(form.rank, reader.count({"", "kv_lora_rank"}, kMaxWidth, 512));
    WHET_TRY(form.rotated_dim, reader.count({"", "qk_rope_head_dim"}, kMaxWidth, 64));
    WHET_TRY(form.content_dim, reader.count({"", "qk_nope_head_dim"}, kMaxWidth, 128));
    WHET_TRY(form.value_dim, reader.count({"", "v_head_dim"}, kMaxWidth, 128));
    WHET_TRY(form.bias, reader.flag({"", "attention_bias"}, false));
    reader.skip({"head_dim", "qk_head_dim"});
  }
  RopeWords words;
  words.head_dim = form.rotated_dim;
  words.scales_scores = true;
  WHET_TRY(const bool interleaved, reader.flag({"", "rope_interleave"}, true));
  words.pairing =
      interleaved ? kernels::RopePairing::kInterleaved : kernels::RopePairing::kHalfSplit;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  form.scale = rope.score_scale / std::sqrt(static_cast<float>(form.query_dim()));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.attention.n_kv_heads = 1;  // as the caches have them
    layer.attention.head_dim = form.query_dim();
    layer.mixer = Mixer::kLatentAttention;
    layer.latent = form;
  }
  return ok_status();
}

/// Which layers are dense.
Result<std::vector<bool>> read_dense(ConfigReader& reader, const Deepseek2Kind& kind,
                                     int64_t n_layers) {
  const Word word{"leading_dense_block_count", "first_k_dense_replace"};
  WHET_TRY(const int64_t n_dense, count_or_none(reader, word, reader.is_gguf() ? 0 : kind.n_dense));
  std::vector<bool> dense;
  for (int64_t i = 0; i < n_layers; ++i) dense.push_back(i < n_dense);
  const nlohmann::json& types = reader.json("mlp_layer_types");
  if (!types.is_array()) return dense;
  if (types.size() != dense.size()) {
    return invalid_model(fmt::format(
        "config.json: \"mlp_layer_types\": expected {} layers, found {}", n_layers, types.size()));
  }
  for (size_t i = 0; i < dense.size(); ++i) {
    if (types[i] != "dense" && types[i] != "sparse") {
      return invalid_model("config.json: \"mlp_layer_types\": expected dense or sparse");
    }
    dense[i] = types[i] == "dense";
  }
  return dense;
}

/// Whether scores are sigmoids. Converters before 2025 did not say; there only models that have a
/// bias for the choice use them.
Result<bool> read_scoring(ConfigReader& reader, const Deepseek2Kind& kind, bool has_bias) {
  if (!reader.is_gguf()) {
    WHET_TRY_STATUS(
        reader.expect_text({"", "scoring_func"}, kind.is_sigmoid ? "sigmoid" : "softmax"));
    return kind.is_sigmoid;
  }
  const Word word{"expert_gating_func", ""};  // 1 is softmax, 2 sigmoid
  WHET_TRY(const double function, reader.number(word, has_bias ? 2 : 1));
  if (function == 1 || function == 2) return function == 2;
  return invalid_model(fmt::format("{}: expected 1 (softmax) or 2 (sigmoid), found {}",
                                   reader.name(word), function));
}

Status read_groups(ConfigReader& reader, const Deepseek2Kind& kind, ExpertsForm& experts) {
  const bool usual = !reader.is_gguf();
  WHET_TRY(experts.n_groups,
           count_or_none(reader, {"expert_group_count", "n_group"}, usual ? kind.n_groups : 1));
  WHET_TRY(experts.n_used_groups, count_or_none(reader, {"expert_group_used_count", "topk_group"},
                                                usual ? kind.n_used_groups : 1));
  bool by_group = true;
  if (!kind.is_sigmoid && !reader.is_gguf()) {
    WHET_TRY(const std::string method, reader.text({"", "topk_method"}, "greedy"));
    if (method != "greedy" && method != "group_limited_greedy") {
      return invalid_model(fmt::format(
          "config.json: \"topk_method\": expected greedy or group_limited_greedy, found {}",
          quote_untrusted(method)));
    }
    by_group = method == "group_limited_greedy";
  }
  if (!by_group || experts.n_groups == 0) experts.n_groups = experts.n_used_groups = 1;
  return ok_status();
}

Result<ExpertsForm> read_router(ConfigReader& reader, const Deepseek2Kind& kind, int64_t first) {
  WHET_TRY(ExpertsForm experts,
           read_experts(reader, {.count = {"expert_count", "n_routed_experts"}}));
  const std::string bias = tensor_name(kDeepseek2Gguf[Slot::kSelectionBias], first);
  experts.selection_bias =
      reader.is_gguf() ? reader.file().find_tensor(bias) != nullptr : kind.is_sigmoid;
  WHET_TRY(const bool sigmoid, read_scoring(reader, kind, experts.selection_bias));
  WHET_TRY(const double scale, reader.number({"expert_weights_scale", "routed_scaling_factor"},
                                             reader.is_gguf() ? 1 : kind.scale));
  experts.weight_scale = static_cast<float>(scale);
  WHET_TRY(bool normalised, reader.flag({"expert_weights_norm", "norm_topk_prob"},
                                        !reader.is_gguf() && kind.is_sigmoid));
  // transformers reads the word in none of DeepSeek 2's files, which say false.
  if (!reader.is_gguf() && !kind.is_sigmoid) normalised = false;
  experts.router = sigmoid
                       ? normalised ? Router::kSigmoidThenTopNormalised : Router::kSigmoidThenTop
                   : normalised ? Router::kSoftmaxThenTopNormalised
                                : Router::kSoftmaxThenTop;
  WHET_TRY_STATUS(read_groups(reader, kind, experts));
  return experts;
}

Status read_ffns(ConfigReader& reader, const Deepseek2Kind& kind, ModelConfig& config) {
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY(const bool bias, reader.flag({"", "mlp_bias"}, false));
  for (LayerForm& layer : config.layers) {
    layer.ffn.activation = activation;
    layer.ffn.bias = bias;
  }
  WHET_TRY(const std::vector<bool> dense, read_dense(reader, kind, config.n_layers()));
  const auto first = std::ranges::find(dense, false) - dense.begin();
  if (first == config.n_layers()) {
    reader.skip({"expert_count", "expert_used_count", "expert_feed_forward_length",
                 "expert_shared_count", "expert_weights_scale", "expert_weights_norm",
                 "expert_gating_func", "expert_group_count", "expert_group_used_count"});
    reader.skip({"n_routed_experts", "num_experts_per_tok", "moe_intermediate_size",
                 "n_shared_experts", "routed_scaling_factor", "norm_topk_prob", "scoring_func",
                 "n_group", "topk_group", "topk_method"});
    return ok_status();
  }
  WHET_TRY(ExpertsForm experts, read_router(reader, kind, first));
  experts.expert.activation = activation;
  WHET_TRY(const int64_t n_shared,
           count_or_none(reader, {"expert_shared_count", "n_shared_experts"},
                         reader.is_gguf() ? 0 : kind.n_shared));
  for (size_t i = 0; i < dense.size(); ++i) {
    LayerForm& layer = config.layers[i];
    if (dense[i]) continue;
    layer.experts = experts;
    layer.ffn.dim = n_shared * experts.expert.dim;
    if (layer.ffn.dim > static_cast<int64_t>(kMaxWidth))
      return invalid_model("shared experts: too wide");
  }
  return ok_status();
}

Status read_kind(ConfigReader& reader, const Deepseek2Kind& kind, ModelConfig& config) {
  Sizes sizes;
  sizes.dense = false;
  sizes.latent = true;
  WHET_TRY(const int64_t n_further,
           count_or_none(reader, {"nextn_predict_layers", "num_nextn_predict_layers"}, 0));
  if (reader.is_gguf()) sizes.n_unused_layers = n_further;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  config.n_unused_layers = n_further;
  if (reader.is_gguf()) reader.skip({"attention.head_count_kv"});
  if (!reader.is_gguf()) {
    WHET_TRY(const double frequency, reader.number({"", "moe_layer_freq"}, 1));
    if (frequency != 1) return invalid_model("config.json: \"moe_layer_freq\": expected 1");
    if (kind.is_sigmoid) reader.skip({"topk_method"});  // the only one, whatever it is called
    reader.skip({"aux_loss_alpha", "seq_aux", "ep_size"});
  }
  WHET_TRY_STATUS(read_deepseek2_attention(reader, config));
  WHET_TRY_STATUS(read_ffns(reader, kind, config));
  reader.cannot_say("what makes keys and values of DeepSeek's latents as its converter divides it");
  return ok_status();
}

template <const Deepseek2Kind& kind>
Status read_deepseek2(ConfigReader& reader, ModelConfig& config) {
  return read_kind(reader, kind, config);
}

const Dialect kDeepseek2GgufDialect{kDeepseek2Gguf, kernels::RopePairing::kInterleaved};
const Dialect kDialect{kDeepseek2Names, kernels::RopePairing::kInterleaved};

}  // namespace

const Architecture kDeepSeek2{
    .name = "deepseek2",
    .model_types = {"deepseek_v2"},
    .gguf = kDeepseek2GgufDialect,
    .hugging_face = kDialect,
    .other_names = {{"n_routed_experts", "num_experts"}},
    .read = read_deepseek2<kSecond>,
};

const Architecture kDeepSeek3{
    .name = "deepseek2",
    .model_types = {"deepseek_v3"},
    .gguf = kDeepseek2GgufDialect,
    .hugging_face = kDialect,
    .other_names = {{"n_routed_experts", "num_local_experts"},
                    {"num_nextn_predict_layers", "num_mtp_layers"}},
    .read = read_deepseek2<kThird>,
};

const Architecture kGlm4MoeLite{
    .name = "deepseek2",
    .model_types = {"glm4_moe_lite"},
    .gguf = kDeepseek2GgufDialect,
    .hugging_face = kDialect,
    .other_names = {{"n_routed_experts", "num_local_experts"}, {"qk_rope_head_dim", "head_dim"}},
    .read = read_deepseek2<kGlm>,
};

}  // namespace whet
