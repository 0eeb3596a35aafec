// A second copy of the weights that sparse inputs meet, channel by channel, so that decoding one
// row reads the channels that are kept and no others.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/forward.h"
#include "par/thread_pool.h"

namespace whet {

struct ChannelCopies {
  uint64_t bytes = 0;  // of the copies
  int n_matrices = 0;
  /// Matrices that sparse inputs meet and that have no such copy: of another type than
  /// kernels::kChannelTypes, or of blocks than kernels::skips_groups() knows. They are read whole.
  int n_without = 0;
};

/// Adds the copies for every input of which model.sparsity leaves channels out; whole blocks need
/// none. Errors: not enough memory; rows that are interleaved; blocks left out of a model none of
/// whose matrices can skip them (kInvalidArgument).
Result<ChannelCopies> copy_by_channels(Decoder& model, ThreadPool& pool);

}  // namespace whet
