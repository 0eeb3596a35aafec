// The decoders that whet runs: what each computes, and what the containers call its weights. A new
// one is an entry of the table in architecture.cc.
#pragma once

#include <string>
#include <string_view>

#include "formats/model_file.h"
#include "kernels/kernels.h"
#include "model/model_config.h"

namespace whet {

/// Names of tensors without ".weight" or ".bias"; {} is the layer, nullptr what does not exist.
struct NameMap {
  const char* embedding;
  const char* output_norm;
  const char* head;
  const char* attention_norm;
  const char* qkv;  // the rows of q, k and v in one matrix: a file may have it instead of the three
  const char* q;
  const char* k;
  const char* v;
  const char* attention_output;
  const char* ffn_norm;
  const char* gate;
  const char* up;
  const char* down;
};

struct Architecture {
  std::string_view name;        // "general.architecture" of GGUF; ModelConfig::architecture
  std::string_view model_type;  // of config.json
  DecoderForm form;
  kernels::RopePairing gguf_pairing;  // Hugging Face rotates halves in all of them
  double rotary_factor;               // config.json's "partial_rotary_factor" where it is absent
  const NameMap* gguf_names;
  const NameMap* hugging_face_names;

  const NameMap& names(ModelFile::Container container) const {
    return container == ModelFile::Container::kGguf ? *gguf_names : *hugging_face_names;
  }
};

/// By what the container calls it; nullptr where whet has no such architecture.
const Architecture* find_architecture(ModelFile::Container container, std::string_view name);
/// By ModelConfig::architecture. Precondition: read_model_config() made the config.
const Architecture& architecture_of(const ModelConfig& config);
/// "a, b or c" in the container's names, for messages.
std::string known_architectures(ModelFile::Container container);

}  // namespace whet
