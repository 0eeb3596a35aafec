#include "load/architecture.h"

#include <iterator>

#include "base/check.h"

namespace whet {
namespace {

using kernels::RopePairing;

constexpr NameMap kGgufNames{
    .embedding = "token_embd",
    .output_norm = "output_norm",
    .head = "output",
    .attention_norm = "blk.{}.attn_norm",
    .qkv = "blk.{}.attn_qkv",
    .q = "blk.{}.attn_q",
    .k = "blk.{}.attn_k",
    .v = "blk.{}.attn_v",
    .attention_output = "blk.{}.attn_output",
    .ffn_norm = "blk.{}.ffn_norm",
    .gate = "blk.{}.ffn_gate",
    .up = "blk.{}.ffn_up",
    .down = "blk.{}.ffn_down",
};

constexpr NameMap kLlamaNames{
    .embedding = "model.embed_tokens",
    .output_norm = "model.norm",
    .head = "lm_head",
    .attention_norm = "model.layers.{}.input_layernorm",
    .qkv = nullptr,
    .q = "model.layers.{}.self_attn.q_proj",
    .k = "model.layers.{}.self_attn.k_proj",
    .v = "model.layers.{}.self_attn.v_proj",
    .attention_output = "model.layers.{}.self_attn.o_proj",
    .ffn_norm = "model.layers.{}.post_attention_layernorm",
    .gate = "model.layers.{}.mlp.gate_proj",
    .up = "model.layers.{}.mlp.up_proj",
    .down = "model.layers.{}.mlp.down_proj",
};

constexpr NameMap kPhiNames{
    .embedding = "model.embed_tokens",
    .output_norm = "model.final_layernorm",
    .head = "lm_head",
    .attention_norm = "model.layers.{}.input_layernorm",
    .qkv = nullptr,
    .q = "model.layers.{}.self_attn.q_proj",
    .k = "model.layers.{}.self_attn.k_proj",
    .v = "model.layers.{}.self_attn.v_proj",
    .attention_output = "model.layers.{}.self_attn.dense",
    .ffn_norm = nullptr,
    .gate = nullptr,
    .up = "model.layers.{}.mlp.fc1",
    .down = "model.layers.{}.mlp.fc2",
};

constexpr Architecture kArchitectures[] = {
    {.name = "llama",
     .model_type = "llama",
     .form = {},
     .gguf_pairing = RopePairing::kInterleaved,
     .rotary_factor = 1.0,
     .gguf_names = &kGgufNames,
     .hugging_face_names = &kLlamaNames},
    {.name = "qwen2",
     .model_type = "qwen2",
     .form = {.qkv_bias = true},
     .gguf_pairing = RopePairing::kHalfSplit,
     .rotary_factor = 1.0,
     .gguf_names = &kGgufNames,
     .hugging_face_names = &kLlamaNames},
    {.name = "phi2",
     .model_type = "phi",
     .form = {.norm = DecoderForm::Norm::kLayer,
              .ffn = DecoderForm::Ffn::kGelu,
              .parallel = true,
              .qkv_bias = true,
              .other_biases = true},
     .gguf_pairing = RopePairing::kHalfSplit,
     .rotary_factor = 0.5,
     .gguf_names = &kGgufNames,
     .hugging_face_names = &kPhiNames},
};

std::string_view name_in(ModelFile::Container container, const Architecture& architecture) {
  return container == ModelFile::Container::kGguf ? architecture.name : architecture.model_type;
}

}  // namespace

const Architecture* find_architecture(ModelFile::Container container, std::string_view name) {
  for (const Architecture& architecture : kArchitectures) {
    if (name_in(container, architecture) == name) return &architecture;
  }
  return nullptr;
}

const Architecture& architecture_of(const ModelConfig& config) {
  const Architecture* found = find_architecture(ModelFile::Container::kGguf, config.architecture);
  WHET_CHECK(found != nullptr);
  return *found;
}

std::string known_architectures(ModelFile::Container container) {
  std::string list;
  const size_t n = std::size(kArchitectures);
  for (size_t i = 0; i < n; ++i) {
    if (i > 0) list += i + 1 == n ? " or " : ", ";
    list += name_in(container, kArchitectures[i]);
  }
  return list;
}

}  // namespace whet
