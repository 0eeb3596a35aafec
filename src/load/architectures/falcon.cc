// Falcon (7B): attention beside an FFN without gate, one norm for both; one head of keys and
// values.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kFalconNames =
    TensorNames()
        .with(Slot::kEmbedding, "transformer.word_embeddings.weight")
        .with(Slot::kOutputNorm, "transformer.ln_f.weight")
        .with(Slot::kHead, "lm_head.weight")
        .with(Slot::kAttentionNorm, "transformer.h.{}.input_layernorm.weight")
        .with(Slot::kQkv, "transformer.h.{}.self_attention.query_key_value.weight")
        .with(Slot::kAttentionOutput, "transformer.h.{}.self_attention.dense.weight")
        .with(Slot::kUp, "transformer.h.{}.mlp.dense_h_to_4h.weight")
        .with(Slot::kDown, "transformer.h.{}.mlp.dense_4h_to_h.weight");

constexpr Word kFalconFfn{"feed_forward_length", "ffn_hidden_size"};

/// config.json's words for the other Falcons, which mix the rows of queries, keys and values by
/// head, have two norms or no rotation; and what GGUF says otherwise.
Status read_falcon_json(ConfigReader& reader, ModelConfig& config) {
  for (const char* of_others : {"alibi", "new_decoder_architecture", "bias"}) {
    WHET_TRY_STATUS(reader.expect_flag({"", of_others}, false));
  }
  for (const char* of_7b : {"multi_query", "parallel_attn"}) {
    WHET_TRY_STATUS(reader.expect_flag({"", of_7b}, true));
  }
  WHET_TRY_STATUS(reader.expect_text({"", "activation"}, "gelu"));
  reader.skip({"num_kv_heads", "num_ln_in_parallel_attn"});  // of the other Falcons
  WHET_TRY(const int64_t width, reader.count(kFalconFfn, kMaxWidth, 4 * config.d_model));
  for (LayerForm& layer : config.layers) {
    layer.attention.n_kv_heads = 1;
    layer.ffn.dim = width;
  }
  reader.say("attention.head_count_kv", {uint64_t{1}});
  return ok_status();
}

Status read_falcon(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.norm = NormKind::kLayer;
  sizes.epsilon = {"attention.layer_norm_epsilon", "layer_norm_epsilon"};
  sizes.usual_epsilon = 1e-5;
  sizes.by_layer = !reader.is_gguf();  // see read_falcon_json()
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  if (!reader.is_gguf()) WHET_TRY_STATUS(read_falcon_json(reader, config));
  if (reader.file().find_tensor("blk.0.attn_norm_2.weight") != nullptr) {
    return Error(
        ErrorCode::kInvalidModel,
        "tensor blk.0.attn_norm_2.weight: expected one norm for both halves of a layer, as "
        "Falcon-7B has; found one for each");
  }
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  config.norm.bias = true;
  for (LayerForm& layer : config.layers) {
    layer.residual = Residual::kParallelOneNorm;
    layer.ffn = {.dim = layer.ffn.dim, .activation = Activation::kGelu, .gated = false};
  }
  return ok_status();
}

}  // namespace

const Architecture kFalcon{
    .name = "falcon",
    .model_types = {"falcon"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kFalconNames, kernels::RopePairing::kHalfSplit},
    .read = read_falcon,
};

}  // namespace whet
