// Which type each matrix of a quantised model gets: the rules of llama.cpp's quantiser
// (llama_tensor_get_type), so that files are comparable tensor by tensor.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/slot.h"
#include "tensor/dtype.h"

namespace whet {

/// kAttentionV: also queries, keys and values in one matrix.
enum class MatrixRole { kEmbedding, kHead, kAttentionV, kFfnDown, kOther };

MatrixRole role_of(Slot slot);

struct TypeMixture {
  std::string_view name;  // "q4_k_m"
  uint32_t file_type;     // general.file_type, llama.cpp's LLAMA_FTYPE
  DType base;

  /// Type of a matrix of rows of `n_cols` in layer `layer` of `n_layers`. A row that K-quant blocks
  /// do not divide falls back to the nearest 32-block type, and one that those do not divide to
  /// F16. `tied_head`: the embedding is also the head, and gets the head's type.
  DType type_of(MatrixRole role, uint64_t layer, uint64_t n_layers, uint64_t n_cols,
                bool tied_head) const;
};

/// Errors: kInvalidArgument, names the known ones.
Result<TypeMixture> type_mixture(std::string_view name);
std::vector<std::string> type_mixture_names();

/// llama.cpp's LLAMA_FTYPE of a file whose matrices are of this type.
uint32_t usual_file_type(DType type);

}  // namespace whet
