// GPT-NeoX and Pythia: attention beside an FFN without gate, each behind a LayerNorm of its own.
// From GGUF; Hugging Face mixes the rows of queries, keys and values by head.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

Status read_gptneox(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.norm = NormKind::kLayer;
  sizes.epsilon = {"attention.layer_norm_epsilon", "layer_norm_eps"};
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const bool parallel, reader.flag({"use_parallel_residual", ""}, true));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  config.norm.bias = true;
  for (LayerForm& layer : config.layers) {
    layer.residual = parallel ? Residual::kParallelTwoNorms : Residual::kSequential;
    layer.attention.qkv_bias = layer.attention.output_bias = true;
    layer.ffn = {
        .dim = layer.ffn.dim, .activation = Activation::kGelu, .gated = false, .bias = true};
  }
  return ok_status();
}

}  // namespace

const Architecture kGptNeox{
    .name = "gptneox",
    .model_types = {},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {},
    .read = read_gptneox,
};

}  // namespace whet
