// A model into a directory of SafeTensors, with floats or with the codes of MLX.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "generator/generator.h"
#include "load/loaded_model.h"
#include "par/thread_pool.h"
#include "quantize/affine_planes.h"

namespace whet {

struct ConvertOptions {
  bool mlx = false;  // codes in MLX's planes; else floats only
  /// F32, F16 or BF16 of every weight; none: floats stay, and codes that must become floats are an
  /// error.
  std::optional<DType> floats = std::nullopt;
  /// With `mlx`: float matrices are quantised so; none: they stay floats.
  std::optional<AffineForm> quantise = std::nullopt;
};

struct ConvertedTensor {
  std::string name;
  std::string from, to;         // "Q4_1", "4 bits, groups of 32"
  std::vector<uint64_t> shape;  // of the weights, outermost first
  uint64_t n_bytes;
  double relative_error;  // sqrt(sum of (x - x')^2 / sum of x^2); 0 where nothing was lost
};

/// Writes `directory`, which must be new or empty: model.safetensors, then the files that describe
/// the model. Codes of Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and of MLX's own files go to MLX without loss.
/// Memory: one matrix. Errors: a type that neither MLX nor `options` has a place for (names the
/// tensor), a value that its type cannot hold, experts in MLX, cancelled, those of
/// describe_as_hugging_face(), what the operating system refused.
Result<std::vector<ConvertedTensor>> convert_model(
    const LoadedModel& model, const std::string& directory, const ConvertOptions& options,
    ThreadPool& pool, const std::function<void(uint64_t done, uint64_t total)>& on_weights,
    const CancelFlag* cancel);

}  // namespace whet
