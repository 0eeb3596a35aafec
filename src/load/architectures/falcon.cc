// Falcon (7B): attention beside an FFN without gate, one norm for both. From GGUF: Hugging Face
// mixes the rows of queries, keys and values by head.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

Status read_falcon(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.norm = NormKind::kLayer;
  sizes.epsilon = {"attention.layer_norm_epsilon", ""};
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
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
    .model_types = {},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {},
    .read = read_falcon,
};

}  // namespace whet
