// gpt-oss: experts with clamped gates and biases, attention sinks, windows in every other layer,
// YaRN without rounding. From GGUF: Hugging Face stores its experts
// transposed and interleaved.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kGptOssNames =
    kGgufNames.with(Slot::kFfnNorm, "blk.{}.post_attention_norm.weight");

Status read_gpt_oss(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {.dense = false}, config));
  WHET_TRY(ExpertsForm experts, read_experts(reader, {}));
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(reader, config.n_layers(), [](int64_t i) { return i % 2 == 0; }));
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.yarn_truncates = false;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  experts.router_bias = true;
  experts.expert.activation = Activation::kClampedSwiGlu;
  experts.expert.bias = true;
  for (size_t i = 0; i < windows.size(); ++i) {
    LayerForm& layer = config.layers[i];
    layer.attention.window = windows[i];
    layer.attention.sinks = true;
    layer.attention.qkv_bias = layer.attention.output_bias = true;
    layer.experts = experts;
    layer.ffn.dim = 0;
  }
  return ok_status();
}

}  // namespace

const Architecture kGptOss{
    .name = "gpt-oss",
    .model_types = {},
    .gguf = {kGptOssNames, kernels::RopePairing::kHalfSplit},
    .hugging_face = {},
    .read = read_gpt_oss,
};

}  // namespace whet
