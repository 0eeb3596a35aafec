// A weight matrix as the quantisers of Hugging Face's world store it: integer codes with a scale,
// and perhaps a bias, for each group of columns. And its way to blocks that the kernels know.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "par/thread_pool.h"
#include "sys/file_bytes.h"
#include "tensor/dtype.h"

namespace whet {

/// Some rows: the value of column c is scale * code + bias, the factors those of group c / group.
struct CodedRows {
  std::vector<int32_t> codes;         // [n, columns]
  std::vector<float> scales, biases;  // [n, columns / group]; no biases: all zero
};

struct CodedMatrix {
  std::string name;  // of the tensor that it stands for, "model.embed_tokens.weight"
  int64_t rows, columns;
  int64_t group;  // divides columns
  bool has_bias;
  /// Fills `out`, which has the right sizes, with rows [first, first + n). From several threads.
  std::function<void(int64_t first, int64_t n, CodedRows& out)> read;
};

/// Blocks of the smallest type that holds the codes exactly: Q4_0 and Q8_0 without, Q4_1, Q5_1 and
/// A8 with biases; Q4_0, Q5_0 and Q8_0 also where all biases are -8, -16 or -128 scales. A factor
/// has to fit f16; one below 2^-14 may be rounded to its steps of 2^-24
/// (`largest_rounding`: by how much a weight moves). F32 where nothing else holds the matrix.
struct EncodedMatrix {
  DType type;
  std::shared_ptr<FileBytes> memory;  // row-major blocks
  float largest_rounding = 0;
};
/// Errors: not enough memory.
Result<EncodedMatrix> encode(const CodedMatrix& matrix, ThreadPool& pool);

}  // namespace whet
