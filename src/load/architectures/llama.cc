// Llama 1 to 3, and what is published as Llama: SmolLM2, TinyLlama, Mistral, R1 distillates.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

Status read(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {}, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY(const bool attention_bias, reader.flag({"", "attention_bias"}, false));
  WHET_TRY(const bool mlp_bias, reader.flag({"", "mlp_bias"}, false));
  WHET_TRY(RopeForm rope, read_rope(reader, config,
                                    {.head_dim = config.layers[0].attention.head_dim,
                                     .pairing = kLlama.dialect(reader.file().container).pairing}));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.attention.qkv_bias = layer.attention.output_bias = attention_bias;
    layer.ffn.bias = mlp_bias;
    layer.ffn.activation = activation;
  }
  return ok_status();
}

}  // namespace

const Architecture kLlama{
    .name = "llama",
    .model_types = {"llama"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read,
};

}  // namespace whet
