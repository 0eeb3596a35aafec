// Looks for weights that no arithmetic survives: NaN and infinity in plain tensors, and in the
// scales of quantised blocks. Reads tensor data; changes nothing.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/model_file.h"

namespace whet {

struct WeightScan {
  uint64_t n_blocks_read = 0;  // of a plain type: elements
  uint64_t n_bad = 0;
  std::optional<uint64_t> first_bad;  // index of the block
};

/// Reads every block, or `max_blocks` of them at even distances, first and last included.
WeightScan scan_weights(const TensorEntry& tensor, std::optional<uint64_t> max_blocks);

}  // namespace whet
