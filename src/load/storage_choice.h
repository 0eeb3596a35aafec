// Where the weights of a model lie, and which place is the fastest for a process that lives long.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "formats/model_file.h"
#include "kernels/isa.h"

namespace whet {

enum class WeightStorage {
  kMapped,       // pages of the file, shared with other processes
  kCopied,       // memory of this process on huge pages
  kInterleaved,  // such a copy with the rows of matrices interleaved for the kernels
};
/// "mapped", "copied", "interleaved".
const char* weight_storage_name(WeightStorage storage);

struct StorageChoice {
  WeightStorage storage;
  /// "interleaved: Q4_K, Q6_K (97 % of the weights) decode faster so on avx2": for the user.
  std::string reason;
};
/// Interleaved, if kernels::interleaving_pays() for more than half of the bytes of the weights and
/// half of `available_bytes` (none: unknown) holds the copy; else mapped, or copied if `copy`.
StorageChoice choose_storage(const ModelFile& file, kernels::Isa isa, int rows_per_step,
                             std::optional<uint64_t> available_bytes, bool copy);

}  // namespace whet
