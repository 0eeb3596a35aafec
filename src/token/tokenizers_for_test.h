// Tokenizers that tests share: recorded vocabularies, where they are at hand, and the small ones of
// tests/golden.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "token/tokenizer_factory.h"

namespace whet::token_test {

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

inline std::string recorded_path(const std::string& name) {
  return std::string(WHET_SHARED_DIR "/data/tokenizers/ggml-vocab-") + name + ".gguf";
}

inline Result<std::shared_ptr<const Tokenizer>> open_recorded(const std::string& name) {
  WHET_TRY(const ModelFile file, open_model_file(recorded_path(name)));
  return make_tokenizer(file);
}

/// The tokenizer files of a directory, as a model without weights.
inline ModelFile side_files_of(const std::string& directory) {
  ModelFile file;
  file.container = ModelFile::Container::kSafeTensors;
  for (const char* name : {"tokenizer.json", "tokenizer.model", "tokenizer_config.json",
                           "special_tokens_map.json", "generation_config.json", "config.json"}) {
    const std::string path = directory + "/" + name;
    if (std::filesystem::exists(path)) file.side_files[name] = read_file(path);
  }
  return file;
}

inline std::string golden_directory(const std::string& name) {
  return std::string(WHET_SOURCE_DIR "/tests/golden/") + name;
}

inline Result<std::shared_ptr<const Tokenizer>> open_golden(const std::string& name) {
  return make_tokenizer(side_files_of(golden_directory(name)));
}

}  // namespace whet::token_test
