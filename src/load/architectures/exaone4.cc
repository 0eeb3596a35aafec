// EXAONE 4: norms behind each half, norms of heads; where it has windows, layers without do not
// rotate.
#include <algorithm>

#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kExaone4Names =
    kLlamaNames.with(Slot::kAttentionPostNorm, "model.layers.{}.post_attention_layernorm.weight")
        .with(Slot::kFfnPostNorm, "model.layers.{}.post_feedforward_layernorm.weight");

Status read_exaone4(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.usual_epsilon = 1e-5;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY(const int64_t period, read_window_period(reader, 4));
  const auto is_windowed = [&](int64_t i) { return (i + 1) % period != 0; };
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(reader, config.n_layers(), is_windowed, reader.is_gguf() ? 0 : 4096));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  const bool hybrid = std::any_of(windows.begin(), windows.end(), [](int64_t w) { return w > 0; });
  for (size_t i = 0; i < windows.size(); ++i) {
    LayerForm& layer = config.layers[i];
    layer.norm_before = false;
    layer.norm_after = true;
    layer.attention.qk_norm = QkNorm::kPerHead;
    layer.attention.window = windows[i];
    if (hybrid && windows[i] == 0) layer.attention.rope = AttentionBlockForm::kNoRope;
    layer.ffn.activation = activation;
  }
  return ok_status();
}

}  // namespace

const Architecture kExaone4{
    .name = "exaone4",
    .model_types = {"exaone4"},
    .gguf = {kGgufNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kExaone4Names, kernels::RopePairing::kHalfSplit},
    .read = read_exaone4,
};

}  // namespace whet
