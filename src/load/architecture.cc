#include "load/architecture.h"

#include <fmt/format.h>

#include <iterator>

#include "base/check.h"
#include "load/architectures/architectures.h"

namespace whet {
namespace {

const std::vector<const Architecture*>& all() {
  static const std::vector<const Architecture*> architectures{&kLlama, &kQwen2, &kPhi2};
  return architectures;
}

}  // namespace

std::string tensor_name(std::string_view pattern, int64_t layer) {
  return fmt::format(fmt::runtime(pattern), layer);
}

std::string bias_name(std::string_view weight_name) {
  constexpr std::string_view kWeight = ".weight";
  if (!weight_name.ends_with(kWeight)) return std::string(weight_name) + "_bias";
  return std::string(weight_name.substr(0, weight_name.size() - kWeight.size())) + ".bias";
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
  const Architecture* found = find_architecture(ModelFile::Container::kGguf, config.architecture);
  WHET_CHECK(found != nullptr);
  return *found;
}

std::string known_architectures(ModelFile::Container container) {
  std::vector<std::string_view> names;
  for (const Architecture* architecture : all()) {
    if (container == ModelFile::Container::kGguf) {
      names.push_back(architecture->name);
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
