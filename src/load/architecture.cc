#include "load/architecture.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "load/architectures/architectures.h"

namespace whet {
namespace {

const std::vector<const Architecture*>& all() {
  static const std::vector<const Architecture*> architectures{
      &kLlama,     &kMistral,  &kQwen2,        &kQwen3,        &kSmolLm3,         &kGranite,
      &kPhi3,      &kPhi2,     &kGemma,        &kGemma2,       &kGemma3,          &kGptOss,
      &kMixtral,   &kQwen2Moe, &kQwen3Moe,     &kOlmoe,        &kGraniteMoe,      &kOlmo2,
      &kExaone4,   &kCohere,   &kCohere2,      &kGlm4,         &kStarcoder2,      &kStableLm,
      &kGptNeox,   &kGemma4,   &kGemma4Seeing, &kGemma3Seeing, &kMinistral3,      &kQwen2Vl,
      &kQwen3Vl,   &kGpt2,     &kBloom,        &kMpt,          &kFalcon,          &kLfm2,
      &kLfm2Moe,   &kQwen35,   &kQwen35Seeing, &kQwen35Moe,    &kQwen35MoeSeeing, &kGraniteHybrid,
      &kNemotronH, &kFalconH1, &kDeepSeek2,    &kDeepSeek3,    &kGlm4MoeLite};
  return architectures;
}

}  // namespace

std::string tensor_name(std::string_view pattern, int64_t layer, int64_t expert) {
  return fmt::format(fmt::runtime(pattern), layer, expert);
}

std::string_view pattern_of(const TensorNames& names, Slot slot, const LayerForm& layer) {
  const Slot other = slot == Slot::kQ      ? Slot::kQueryUp
                     : slot == Slot::kGate ? Slot::kSharedGateMatrix
                     : slot == Slot::kUp   ? Slot::kSharedUpMatrix
                     : slot == Slot::kDown ? Slot::kSharedDownMatrix
                                           : slot;
  const bool is_other =
      slot == Slot::kQ ? layer.latent.query_rank > 0 : layer.experts.n_experts > 0;
  return names[is_other && !names[other].empty() ? other : slot];
}

bool has_tensor_per_expert(std::string_view pattern) {
  return pattern.find("{}") != pattern.rfind("{}");
}

std::string stacked_pattern(std::string_view pattern) {
  constexpr std::string_view kExpert = ".{}", kWeight = ".weight";
  std::string stacked(pattern);
  if (has_tensor_per_expert(pattern)) stacked.erase(stacked.rfind(kExpert), kExpert.size());
  if (stacked.ends_with(kWeight)) stacked.resize(stacked.size() - kWeight.size());
  return stacked;
}

std::string bias_name(std::string_view weight_name) {
  constexpr std::string_view kWeight = ".weight";
  if (!weight_name.ends_with(kWeight)) return std::string(weight_name) + "_bias";
  return std::string(weight_name.substr(0, weight_name.size() - kWeight.size())) + ".bias";
}

std::string_view name_without_head(std::string_view name) {
  constexpr std::string_view kDecoder = "transformer.";
  return name.starts_with(kDecoder) ? name.substr(kDecoder.size()) : name;
}

WeightLayout Dialect::layout_of(Slot slot) const {
  for (const auto& [of, layout] : layouts) {
    if (of == slot) return layout;
  }
  return WeightLayout::kRows;
}

const Architecture* find_architecture(ModelFile::Container container, std::string_view name) {
  for (const Architecture* architecture : all()) {
    if (container == ModelFile::Container::kGguf) {
      if (architecture->name == name) return architecture;
      continue;
    }
    for (std::string_view type : architecture->model_types) {
      if (type == name) return architecture;
    }
  }
  return nullptr;
}

const Architecture& architecture_of(const ModelConfig& config) {
  const bool is_gguf = config.model_type.empty();
  const Architecture* found =
      find_architecture(is_gguf ? ModelFile::Container::kGguf : ModelFile::Container::kSafeTensors,
                        is_gguf ? config.architecture : config.model_type);
  WHET_CHECK(found != nullptr);
  return *found;
}

std::string known_architectures(ModelFile::Container container) {
  std::vector<std::string_view> names;
  for (const Architecture* architecture : all()) {
    if (container == ModelFile::Container::kGguf) {
      const bool is_new = std::find(names.begin(), names.end(), architecture->name) == names.end();
      if (is_new) names.push_back(architecture->name);
    } else {
      names.insert(names.end(), architecture->model_types.begin(), architecture->model_types.end());
    }
  }
  std::string list;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) list += i + 1 == names.size() ? " or " : ", ";
    list += names[i];
  }
  return list;
}

}  // namespace whet
