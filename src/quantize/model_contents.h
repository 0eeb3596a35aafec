// The weights of a model under the names of one dialect, in the order in which a file holds them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "load/architecture.h"
#include "load/loaded_model.h"
#include "quantize/type_mixture.h"

namespace whet {

/// How rows of a head change places between dialects whose rotations pair other elements.
enum class RowOrder {
  kSame,
  kPairUp,  // element K/2 + i goes behind i
  kHalve,   // the other way round
};

struct ContentMatrix {
  std::string name;
  MatrixRole role;
  uint64_t layer;
  Matrix matrix;  // of experts: their shapes as one, without data
  RowOrder order = RowOrder::kSame;
  int64_t n_heads = 0;  // whose rows `order` moves
  std::span<const Matrix> experts = {};

  /// The row of the model that is row `row` of the file.
  int64_t row_in_model(int64_t row) const;
  /// Row `row` of the file as floats, and its blocks as the model holds them.
  void dequantize(int64_t row, float* out) const;
  std::span<const std::byte> blocks(int64_t row) const;
  std::vector<uint64_t> shape() const;
};

/// Norms, biases and routers: floats.
struct ContentVector {
  std::string name;
  std::vector<float> values;
  std::vector<uint64_t> shape;
};

struct ModelContents {
  std::vector<ContentMatrix> matrices;
  std::vector<ContentVector> vectors;
};

/// What goes into a file of container `target`; views into `model`, which must not be interleaved.
ModelContents contents_of(const LoadedModel& model, ModelFile::Container target);

}  // namespace whet
