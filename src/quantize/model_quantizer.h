// A model file in F32, F16 or BF16 to a GGUF file of a quantised type.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "generator/generator.h"
#include "load/config_reader.h"
#include "load/loaded_model.h"
#include "par/thread_pool.h"
#include "quantize/importance_matrix.h"
#include "quantize/model_contents.h"
#include "quantize/type_mixture.h"

namespace whet {

struct QuantizedTensor {
  std::string name;
  DType from, to;
  std::vector<uint64_t> shape;  // outermost first
  uint64_t n_bytes;
  /// sqrt(sum of (x - x')^2 / sum of x^2); 0 where nothing was lost.
  double relative_error;
  /// What was lost was weighed by an importance matrix.
  bool weighed = false;
};

struct QuantizeOptions {
  /// Allows an input that is quantised already: the losses of both add up.
  bool allow_requantize = false;
  /// Errors of weights count as their channels carry; none: all alike. `importance_file`: written
  /// into the file, as llama-quantize does.
  const ImportanceMatrix* importance = nullptr;
  std::string importance_file = {};
};

/// Tensors that lost precision by a fit that an importance could have weighed, and did not, because
/// the matrix has none of them.
std::vector<std::string> tensors_without_importance(const std::vector<QuantizedTensor>& tensors);

/// Changes matrices on their way into a file.
class RowTransform {
 public:
  virtual ~RowTransform() = default;
  /// Rows [begin, end) of what becomes of `matrix`, as floats [end - begin, columns]. Pieces of a
  /// matrix are asked for in order, from row 0.
  virtual Status read(const ContentMatrix& matrix, int64_t begin, int64_t end, float* rows,
                      ThreadPool& pool) = 0;
};

struct ModelToWrite {
  ModelContents contents;
  Metadata metadata;  // GGUF's keys, but for those that say how a file is quantised
  uint64_t n_layers = 0;
  RowTransform* transform = nullptr;  // none: matrices stay what they are
};

/// As quantize_model(), of contents that the caller has put together.
Result<std::vector<QuantizedTensor>> write_quantized(
    const ModelToWrite& model, const std::optional<TypeMixture>& mixture, const std::string& path,
    const QuantizeOptions& options, ThreadPool& pool,
    const std::function<void(uint64_t done, uint64_t total)>& on_weights, const CancelFlag* cancel);

/// `mixture`: none keeps the type of every matrix, so that nothing is lost. Writes `path` row by
/// row: memory does not grow with the model, and the file appears only when it
/// is complete. `on_weights(done, total)` is told of the weights encoded. A matrix that has the
/// type already is copied. Errors: an importance matrix that names tensors that the model lacks or
/// has in another shape (kInvalidArgument), a quantised input of another type (kInvalidArgument), a
/// type to keep that GGUF does not have, a weight that is not finite (names tensor and row),
/// cancelled, what the operating system refused; then there is no file at `path`.
Result<std::vector<QuantizedTensor>> quantize_model(
    const LoadedModel& model, const std::optional<TypeMixture>& mixture, const std::string& path,
    const QuantizeOptions& options, ThreadPool& pool,
    const std::function<void(uint64_t done, uint64_t total)>& on_weights, const CancelFlag* cancel);

}  // namespace whet
