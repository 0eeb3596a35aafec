// Weights that a file lays out otherwise than as rows, one for each output. They are made into rows
// once, when the model is opened, in memory of this process.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "sys/file_bytes.h"

namespace whet {

enum class WeightLayout {
  kRows,
  kTransposed,       // [inputs, outputs]
  kHeadByHead,       // q, k and v in one: of each head the rows of its query, key and value
  kTransposedPairs,  // gate and up in one: transposed, the outputs of both by turns
};

/// `n` matrices [rows, columns] as the model has them, one behind the other.
struct RowsShape {
  int64_t n, rows, columns;
  int64_t head_dim;  // of kHeadByHead
};

/// Floats alone are ever transposed: quantisers store the rows of outputs.
WeightLayout layout_in_file(WeightLayout layout, DType type);
/// The shape of the tensor that holds one such matrix, or (`stacked`) n of them.
std::vector<uint64_t> shape_in_file(WeightLayout layout, const RowsShape& shape, bool stacked);
/// The rows. Preconditions: the tensor has shape_in_file(), of the layout_in_file() of its type.
/// Errors: not enough memory.
Result<std::shared_ptr<FileBytes>> make_rows(const TensorEntry& stored, WeightLayout layout,
                                             const RowsShape& shape);
/// The biases of the rows, n times as many as a matrix has rows, from the file's order.
std::vector<float> biases_of_rows(const std::vector<float>& stored, WeightLayout layout,
                                  const RowsShape& shape);

}  // namespace whet
