#include "cli/model_source.h"

#include <filesystem>

#include "formats/model_file.h"
#include "hub/store.h"
#include "token/tokenizer_factory.h"

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

Result<LoadedModel> load_named_model(const std::string& model) {
  WHET_TRY(const std::string path, model_path(model));
  auto loaded = load_model(path);
  if (!loaded.ok()) return loading_error(model, loaded.error());
  return loaded;
}

Result<std::shared_ptr<const Tokenizer>> load_named_tokenizer(const std::string& model) {
  WHET_TRY(const std::string path, model_path(model));
  const auto file = open_model_file(path);
  if (!file.ok()) return loading_error(model, file.error());
  auto tokenizer = make_tokenizer(*file);
  if (!tokenizer.ok()) return loading_error(model, tokenizer.error());
  return tokenizer;
}

}  // namespace whet
