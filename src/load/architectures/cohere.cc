// Command R: attention beside the FFN, LayerNorm without bias, neighbouring pairs rotate; Command
// R7B and A with windows, whose layers without one do not rotate.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

Status read_cohere_base(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.norm = NormKind::kLayer;
  sizes.epsilon = {"attention.layer_norm_epsilon", "layer_norm_eps"};
  sizes.usual_epsilon = 1e-5;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY_STATUS(reader.expect_flag({"", "attention_bias"}, false));
  WHET_TRY_STATUS(reader.expect_flag({"", "use_qk_norm"}, false));
  reader.skip({"rotary_pct"});  // of the converter; the model has no such word
  WHET_TRY(const double scale, reader.number({"logit_scale", "logit_scale"}, 0.0625));
  config.logit_scale = static_cast<float>(scale);
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.pairing = kernels::RopePairing::kInterleaved;
  if (reader.architecture() == "cohere") words.usual_theta = 5e5;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.residual = Residual::kParallelOneNorm;
    layer.ffn.activation = activation;
  }
  return ok_status();
}

Status read_cohere2(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_cohere_base(reader, config));
  WHET_TRY(const int64_t period, read_window_period(reader, 4));
  const auto is_windowed = [&](int64_t i) { return (i + 1) % period != 0; };
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(reader, config.n_layers(), is_windowed, 4096));
  for (size_t i = 0; i < windows.size(); ++i) {
    config.layers[i].attention.window = windows[i];
    if (windows[i] == 0) config.layers[i].attention.rope = AttentionBlockForm::kNoRope;
  }
  return ok_status();
}

}  // namespace

const Architecture kCohere{
    .name = "command-r",
    .model_types = {"cohere"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kInterleaved},
    .read = read_cohere_base,
};

const Architecture kCohere2{
    .name = "cohere2",
    .model_types = {"cohere2"},
    .gguf = {kGgufNames, kernels::RopePairing::kInterleaved},
    .hugging_face = {kLlamaNames, kernels::RopePairing::kInterleaved},
    .read = read_cohere2,
};

}  // namespace whet
