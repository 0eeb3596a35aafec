// ModelSource: a model that can be served: what clients call it, and where it lies.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace whet::serve {

struct ModelSource {
  std::string id;              // what clients call it
  std::string path;            // what it is loaded from
  std::string stored_as = {};  // its name in the store that it came from; empty = named by path
};

/// "qwen2.5-0.5b-q4_k_m" of ".../qwen2.5-0.5b-q4_k_m.gguf"; of a split file, its name without
/// "-00001-of-00002".
std::string model_name(const std::string& path);
/// The file, all files of a split one, or those in the directory, in order; none if they cannot be
/// read.
std::vector<std::string> model_files(const std::string& path);
/// Of the file, all files of a split one, or those in the directory; 0 if it cannot be read.
uint64_t bytes_on_disk(const std::string& path);
/// The models in a directory, by name: GGUF files and directories with a config.json. Errors: it
/// cannot be read; there is none in it.
Result<std::vector<ModelSource>> models_in(const std::string& directory);

}  // namespace whet::serve
