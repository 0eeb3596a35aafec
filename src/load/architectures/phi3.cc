// Phi-3, Phi-3.5 and Phi-4 (dense): fused queries, keys and values, fused gate and up, LongRoPE.
#include "base/invalid_model.h"
#include "load/architectures/architectures.h"
#include "load/architectures/common.h"
#include "load/rope_reader.h"

namespace whet {
namespace {

constexpr TensorNames kPhi3GgufFused = kGgufNames.with(Slot::kGateUp, "blk.{}.ffn_up.weight")
                                           .with(Slot::kGate, "")
                                           .with(Slot::kUp, "");
constexpr TensorNames kFused =
    kLlamaNames.with(Slot::kQkv, "model.layers.{}.self_attn.qkv_proj.weight")
        .with(Slot::kGateUp, "model.layers.{}.mlp.gate_up_proj.weight");

Status read_phi3(ConfigReader& reader, ModelConfig& config) {
  Sizes sizes;
  sizes.usual_epsilon = 1e-5;
  WHET_TRY_STATUS(read_sizes(reader, sizes, config));
  if (!reader.is_gguf() && !reader.has({"", sizes.context})) {
    config.context_length = 4096;
    reader.say("context_length", {uint64_t{4096}});
  }
  WHET_TRY(const Activation activation, read_activation(reader, "hidden_act", Activation::kSilu));
  WHET_TRY_STATUS(reader.expect_flag({"", "attention_bias"}, false));
  WHET_TRY(const std::vector<int64_t> windows,
           read_windows(reader, config.n_layers(), [](int64_t) { return true; }));
  for (const char* of_phi4 : {"interpolate_factor", "full_attn_mod"}) {
    WHET_TRY(const double factor, reader.number({"", of_phi4}, 1));
    if (factor != 1) {
      return invalid_model("config.json: \"{}\": expected 1, found {}", of_phi4, factor);
    }
  }
  // The converter always writes it; it means something beside factors alone.
  reader.skip({"rope.scaling.original_context_length", "original_max_position_embeddings"});
  RopeWords words;
  words.head_dim = config.layers[0].attention.head_dim;
  words.any_rotary_factor = true;
  WHET_TRY(RopeForm rope, read_rope(reader, config, words));
  config.ropes = {std::move(rope)};
  for (size_t i = 0; i < windows.size(); ++i) {
    config.layers[i].attention.window = windows[i];
    config.layers[i].ffn.activation = activation;
  }
  return ok_status();
}

}  // namespace

const Architecture kPhi3{
    .name = "phi3",
    .model_types = {"phi3"},
    .gguf = {kPhi3GgufFused, kernels::RopePairing::kHalfSplit},
    .hugging_face = {kFused, kernels::RopePairing::kHalfSplit},
    .read = read_phi3,
};

}  // namespace whet
