// SafeTensors whose weights lie in planes (codes, scales, zero points): MLX, AWQ, GPTQ,
// compressed-tensors and float8. Made to blocks of the same values when a model is loaded, so that
// nothing after it knows of planes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "par/thread_pool.h"
#include "sys/file_bytes.h"

namespace whet {

/// What config.json calls the way in which weights are quantised: "mlx", "awq", "gptq", "fp8",
/// "compressed-tensors" or what whet does not know; "" where it says nothing, and for GGUF.
/// Errors: config.json is not what such a file is.
Result<std::string> quantisation_method(const ModelFile& file);

/// Replaces the planes of every quantised weight of `file` by one tensor under the weight's name,
/// as config.json's "quantization" or "quantization_config" says; changes nothing where it says
/// nothing. Returns the new memory, which `file` keeps too. `notes`: which types the weights have
/// now, and what could not be kept exactly. Errors: a method that whet does not know, planes that
/// do not fit together (names the tensor).
Result<std::vector<std::shared_ptr<FileBytes>>> repack_quantised_weights(
    ModelFile& file, ThreadPool& pool, std::vector<std::string>& notes);

}  // namespace whet
