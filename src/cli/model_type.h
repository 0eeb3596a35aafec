// What a model's weights are called.
#pragma once

#include <string>

#include "formats/model_file.h"

namespace whet {

/// "GGUF", "SafeTensors", or "MLX" where mlx-lm wrote the SafeTensors.
std::string container_name(const ModelFile& file);

/// As llama-bench's model_type: "Q4_K - Medium" by general.file_type where a file has it and it is
/// known, otherwise the type of most bytes: "Q8_0".
std::string weight_type_name(const ModelFile& file);

}  // namespace whet
