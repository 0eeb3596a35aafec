// SmolLM3: Llama whose every fourth layer does not rotate.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

Status read_smollm3(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {}, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY_STATUS(reader.expect_flag({"", "attention_bias"}, false));
  WHET_TRY_STATUS(reader.expect_flag({"", "mlp_bias"}, false));
  WHET_TRY_STATUS(reader.expect_flag({"", "use_sliding_window"}, false));
  reader.skip({"sliding_window", "max_window_layers", "layer_types"});
  // GGUF has no word for the interval and means 4.
  WHET_TRY(const int64_t interval, reader.count({"", "no_rope_layer_interval"}, kMaxLayers, 4));
  const nlohmann::json& rotates = reader.json("no_rope_layers");
  const bool listed = rotates.is_array() && rotates.size() == config.layers.size();
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.usual_theta = 2e6;
  words.pairing = kSmolLm3.dialect(reader.file().container).pairing;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (int64_t i = 0; i < config.n_layers(); ++i) {
    LayerForm& layer = config.layers[static_cast<size_t>(i)];
    layer.ffn.activation = activation;
    const bool by_interval = (i + 1) % interval != 0;
    const bool rotated = listed ? rotates[static_cast<size_t>(i)] != 0 : by_interval;
    if (!rotated) layer.attention.rope = AttentionBlockForm::kNoRope;
    if (rotated != ((i + 1) % 4 != 0))
      reader.cannot_say("other layers without rotation than each 4th");
  }
  return ok_status();
}

}  // namespace

const Architecture kSmolLm3{
    .name = "smollm3",
    .model_types = {"smollm3"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kHalfSplit},
    .read = read_smollm3,
};

}  // namespace whet
