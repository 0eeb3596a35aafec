// Qwen2 and Qwen2.5: Llama with biases after queries, keys and values.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

Status read(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {}, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY_STATUS(reader.expect_flag({"", "use_sliding_window"}, false));
  reader.skip({"sliding_window", "max_window_layers", "layer_types"});
  WHET_TRY(RopeForm rope,
           read_rope(reader, config, {.head_dim = config.layers[0].attention.head_dim}));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.attention.qkv_bias = true;
    layer.ffn.activation = activation;
  }
  return ok_status();
}

}  // namespace

const Architecture kQwen2{
    .name = "qwen2",
    .model_types = {"qwen2"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read,
};

}  // namespace whet
