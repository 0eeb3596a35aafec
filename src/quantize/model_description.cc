#include "quantize/model_description.h"

#include <filesystem>

#include "load/model_config_reader.h"
#include "quantize/tokenizer_description.h"

namespace whet {
namespace {

std::string directory_name(const std::string& path) {
  std::filesystem::path p = std::filesystem::path(path).lexically_normal();
  if (!std::filesystem::is_directory(p)) p = p.parent_path();
  if (!p.has_filename()) p = p.parent_path();
  return p.has_filename() ? p.filename().string() : "model";
}

}  // namespace

Result<Metadata> describe_as_gguf(const LoadedModel& model) {
  if (model.file.container == ModelFile::Container::kGguf) {
    Metadata metadata;
    for (const auto& [key, value] : model.file.metadata) {
      if (key == "general.file_type" || key == "general.quantization_version" ||
          key == "general.alignment" || key.starts_with("split.")) {
        continue;
      }
      metadata.emplace(key, value);
    }
    return metadata;
  }
  WHET_TRY(Metadata metadata, describe_config(model.file));
  metadata["general.name"] = {directory_name(model.file.path)};
  if (!model.chat_template_source.empty()) {
    metadata["tokenizer.chat_template"] = {model.chat_template_source};
  }
  WHET_TRY_STATUS(describe_tokenizer(model, metadata));
  return metadata;
}

}  // namespace whet
