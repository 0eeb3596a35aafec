// Falcon-H1: attention and Mamba-2 side by side in every layer. From GGUF, whose converter folds
// the model's multipliers into its weights.
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

// The converter gives this one norm no suffix.
constexpr TensorNames kFalconH1Names = kGgufNames.with(Slot::kFfnNorm, "blk.{}.ffn_norm");

Status read_falcon_h1(ConfigReader& reader, ModelConfig& config) {
  WHET_TRY_STATUS(read_sizes(reader, {}, config));
  WHET_TRY(RecurrentForm mamba,
           read_mamba2(reader, {}, "blk.0.ssm_conv1d.bias", "blk.0.ssm_in.bias"));
  mamba.norm = reader.file().find_tensor("blk.0.ssm_norm.weight") != nullptr;
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (LayerForm& layer : config.layers) {
    layer.mixer = Mixer::kAttentionAndMamba2;
    layer.recurrent = mamba;
  }
  return ok_status();
}

}  // namespace

const Architecture kFalconH1{
    .name = "falcon-h1",
    .model_types = {},
    .gguf = {kFalconH1Names, kernels::RopePairing::kHalfSplit},
    .hugging_face = {},
    .read = read_falcon_h1,
};

}  // namespace whet
