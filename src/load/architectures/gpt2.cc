// Before rotation: GPT-2 with an embedding for each position, BLOOM and MPT with ALiBi. From GGUF:
// Hugging Face stores their matrices transposed, or their rows mixed by head.
#include <fmt/format.h>

#include "load/architectures/architectures.h"
#include "load/architectures/common.h"

namespace whet {
namespace {

constexpr TensorNames kGpt2Names = kGgufNames.with(Slot::kPositions, "position_embd.weight")
                                       .with(Slot::kEmbeddingNorm, "token_embd_norm.weight");

Status read_gpt2_base(ConfigReader& reader, Activation activation, bool bias, ModelConfig& config) {
  Sizes sizes;
  sizes.norm = NormKind::kLayer;
  sizes.epsilon = {"attention.layer_norm_epsilon", ""};
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  config.norm.bias = bias;
  for (LayerForm& layer : config.layers) {
    layer.attention.qkv_bias = layer.attention.output_bias = bias;
    layer.attention.rope = AttentionBlockForm::kNoRope;
    layer.ffn = {.dim = layer.ffn.dim, .activation = activation, .gated = false, .bias = bias};
  }
  return ok_status();
}

Status read_gpt2(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_gpt2_base(reader, Activation::kGeluTanh, true, config));
  config.n_positions = config.context_length;
  return ok_status();
}

Status read_bloom(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_gpt2_base(reader, Activation::kGeluTanh, true, config));
  config.embedding_norm = true;
  for (LayerForm& layer : config.layers) layer.attention.alibi = true;
  return ok_status();
}

Status read_mpt(ConfigReader& reader, ModelConfig& config) {
  const bool bias = reader.file().find_tensor("output_norm.bias") != nullptr;
  WHET_TRY_STATUS(read_gpt2_base(reader, Activation::kGelu, bias, config));
  const Word slope{"attention.max_alibi_bias", ""};
  WHET_TRY(const double largest, reader.number(slope, 8));
  if (largest != 8) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("{}: expected 8, found {}", reader.name(slope), largest));
  }
  const Word clamp{"attention.clamp_kqv", ""};
  WHET_TRY(const double most, reader.number(clamp, 0));
  if (!(most >= 0)) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("{}: expected a positive number, found {}", reader.name(clamp), most));
  }
  for (LayerForm& layer : config.layers) {
    layer.attention.alibi = true;
    layer.attention.clamp = static_cast<float>(most);
  }
  return ok_status();
}

}  // namespace

const Architecture kGpt2{
    .name = "gpt2",
    .model_types = {},
    .gguf = {kGpt2Names, kernels::RopePairing::kHalfSplit},
    .hugging_face = {},
    .read = read_gpt2,
};

const Architecture kBloom{
    .name = "bloom",
    .model_types = {},
    .gguf = {kGpt2Names, kernels::RopePairing::kHalfSplit},
    .hugging_face = {},
    .read = read_bloom,
};

const Architecture kMpt{
    .name = "mpt",
    .model_types = {},
    .gguf = {kGpt2Names, kernels::RopePairing::kHalfSplit},
    .hugging_face = {},
    .read = read_mpt,
};

}  // namespace whet
