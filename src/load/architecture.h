// The decoders that whet runs: what each is called, what the two dialects call its weights, and how
// its configuration is read. A new one is a file in load/architectures/ and a line in
// architecture.cc.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/model_file.h"
#include "kernels/kernels.h"
#include "load/config_reader.h"
#include "load/weight_layout.h"
#include "model/model_config.h"
#include "model/slot.h"

namespace whet {

/// Names of tensors by slot; {} is the layer, a second {} the expert (where each has a tensor of
/// its own, else one tensor holds all). "" where a dialect has no such tensor.
class TensorNames {
 public:
  constexpr std::string_view operator[](Slot slot) const {
    return names_[static_cast<size_t>(slot)];
  }
  constexpr TensorNames with(Slot slot, std::string_view name) const {
    TensorNames changed = *this;
    changed.names_[static_cast<size_t>(slot)] = name;
    return changed;
  }

 private:
  std::array<std::string_view, kSlots> names_{};
};

/// The name of a slot's tensor in a layer, and of the bias beside it: "x.bias" beside "x.weight",
/// "x_bias" beside any other name.
std::string tensor_name(std::string_view pattern, int64_t layer, int64_t expert = 0);
bool has_tensor_per_expert(std::string_view pattern);
/// As Hugging Face names one tensor with all experts, where others have one of each:
/// "model.layers.{}.mlp.experts.{}.down_proj.weight" is "model.layers.{}.mlp.experts.down_proj".
std::string stacked_pattern(std::string_view pattern);
/// Of a layer's slot: layers with experts may name the FFN beside them otherwise than dense ones,
/// and queries of a low rank have a name of their own.
std::string_view pattern_of(const TensorNames& names, Slot slot, const LayerForm& layer);
std::string bias_name(std::string_view weight_name);
/// Decoders that were saved without their head lack what names then begin with: "h.0.ln_1.weight"
/// is "transformer.h.0.ln_1.weight". The name itself where it is not one of those.
std::string_view name_without_head(std::string_view name);

/// How one dialect stores an architecture.
struct Dialect {
  TensorNames names;
  kernels::RopePairing pairing;
  float norm_gain_offset = 0;      // added to stored gains of norms
  bool logarithmic_decay = false;  // Slot::kDecay holds log(-decay)
  /// What names begin with instead of "model.", where the decoder is a part of something larger.
  std::string_view root = {};
  /// What tensors begin with that belong to parts whet does not run: eyes and ears.
  std::vector<std::string_view> unused = {};
  /// What a file does not hold as rows.
  std::vector<std::pair<Slot, WeightLayout>> layouts = {};

  WeightLayout layout_of(Slot slot) const;
};

struct Architecture {
  std::string_view name;                      // "general.architecture" of GGUF
  std::vector<std::string_view> model_types;  // of config.json
  Dialect gguf, hugging_face;
  std::vector<OtherName> other_names = {};  // of words of config.json
  /// Fills all but ModelConfig::architecture. Every word that it does not read is an error.
  Status (*read)(ConfigReader&, ModelConfig&);

  const Dialect& dialect(ModelFile::Container container) const {
    return container == ModelFile::Container::kGguf ? gguf : hugging_face;
  }
};

/// By what the container calls it; nullptr where whet has no such architecture.
const Architecture* find_architecture(ModelFile::Container container, std::string_view name);
/// By ModelConfig::architecture. Precondition: read_model_config() made the config.
const Architecture& architecture_of(const ModelConfig& config);
/// "a, b or c" in the container's names, for messages.
std::string known_architectures(ModelFile::Container container);

}  // namespace whet
