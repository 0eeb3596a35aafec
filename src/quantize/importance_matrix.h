// Importance matrix: how much each input channel of a model's matrices carries, as the sum of its
// squares over a text. Read and written as llama.cpp does (llama-imatrix, llama-quantize
// --imatrix).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace whet {

/// Of one tensor. Where it holds several matrices (experts, heads) each has channels of its own.
struct ChannelImportance {
  std::vector<double> sums;    // of squared inputs, [matrices][columns]; finite, >= 0
  std::vector<double> counts;  // rows that were summed, for each matrix or one for all; >= 0
};

struct ImportanceMatrix {
  std::map<std::string, ChannelImportance, std::less<>> tensors;  // by the names of a GGUF file
  std::vector<std::string> datasets;                              // where the text came from
  uint64_t n_chunks = 0;
  uint64_t chunk_size = 0;  // tokens; 0: the file does not say
};

/// GGUF (NAME.in_sum2 [matrices, columns] and NAME.counts, F32), or the older .dat without a magic
/// number. Errors: neither of the two, cut short, a value that is negative or not finite; names
/// file and tensor.
Result<ImportanceMatrix> read_importance_matrix(const std::string& path);
/// The same of the file's bytes. `path`: for messages.
Result<ImportanceMatrix> parse_importance_matrix(std::span<const std::byte> bytes,
                                                 const std::string& path);
/// As GGUF. Errors: what the operating system refused.
Status write_importance_matrix(const ImportanceMatrix& matrix, const std::string& path);

/// What errors of weights count in encode_row(): mean squares of the channels, [matrices][columns],
/// of mean 1 in each matrix; all 1 in a matrix that the text never reached. A channel that was
/// hardly used still counts a little, since another text may use it.
/// Errors: other numbers of matrices or columns than `sums` has, naming `tensor`.
Result<std::vector<float>> importance_of(const ChannelImportance& channels,
                                         const std::string& tensor, size_t n_matrices,
                                         size_t n_columns);

}  // namespace whet
