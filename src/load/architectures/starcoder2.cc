// StarCoder2: LayerNorm and biases, an FFN without gate.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kStarcoder2Names =
    kLlamaNames.with(Slot::kUp, "model.layers.{}.mlp.c_fc.weight")
        .with(Slot::kDown, "model.layers.{}.mlp.c_proj.weight");

Status read_starcoder2(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.norm = NormKind::kLayer;
  sizes.epsilon = {"attention.layer_norm_epsilon", "norm_epsilon"};
  sizes.usual_epsilon = 1e-5;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const Activation activation,
           read_activation(reader, "hidden_act", Activation::kGeluTanh));
  WHET_TRY(const bool bias, read_bias(reader, "use_bias", true, "blk.0.attn_q.bias"));
  reader.skip({"norm_type", "mlp_type"});  // the model's code has one of each
  // GGUF has no word for the window: its files see everything.
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(reader, config.n_layers(), [](int64_t) { return true; }));
  if (windows[0] > 0) reader.cannot_say("the window of StarCoder2's attention");
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  config.norm.bias = true;
  for (size_t i = 0; i < windows.size(); ++i) {
    LayerForm& layer = config.layers[i];
    layer.attention.window = windows[i];
    layer.attention.qkv_bias = layer.attention.output_bias = bias;
    layer.ffn = {.dim = layer.ffn.dim, .activation = activation, .gated = false, .bias = bias};
  }
  return ok_status();
}

}  // namespace

const Architecture kStarcoder2{
    .name = "starcoder2",
    .model_types = {"starcoder2"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kStarcoder2Names, kernels::RopePairing::kHalfSplit},
    .read = read_starcoder2,
};

}  // namespace whet
