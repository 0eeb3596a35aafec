#include "cli/model_source.h"

#include <filesystem>

#include "hub/store.h"

namespace whet {

Result<std::string> model_path(const std::string& model) {
  std::error_code ignored;
  if (std::filesystem::exists(model, ignored)) return model;
  const bool is_named = hub::is_reference(model);
  const auto reference = hub::parse_reference(is_named ? model : "ollama:" + model);
  if (!reference.ok()) {
    if (is_named) return reference.error();
    return model;
  }
  WHET_TRY(const hub::Settings settings, hub::Settings::of_environment());
  auto found = hub::find_stored(*reference, settings);
  if (found.ok() || is_named) return found;
  return model;
}

}  // namespace whet
