// What sharing costs in time: forks of a long prompt, and decoding on an arena's blocks, own and
// shared, beside decoding on contiguous streams.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "generator/generator.h"
#include "kv/kv_layout.h"
#include "load/loaded_model.h"
#include "par/thread_pool.h"

namespace whet {

struct KvForkCost {
  int64_t n_positions = 0;  // of the prompt, the last block partial
  // Microseconds, one sample each.
  std::vector<double> branch_us;         // KvArena::branch()
  std::vector<double> first_prepare_us;  // copies the partial block
  std::vector<double> copy_us;           // of all positions into a cache of its own
};

/// Seconds on three caches of the same keys and values; sample i of all three was measured one
/// after the other.
struct KvCacheTimes {
  std::vector<double> contiguous, blocks, aliased;
};

struct KvDecodeSpeed {
  int64_t n_positions = 0;  // before the first token
  int64_t n_tokens = 0;     // decoded in a sample
  KvCacheTimes model;       // of the whole forward pass
  KvCacheTimes attention;   // of attend() alone, in all layers
};

/// Errors: as KvArena; kCancelled.
Result<KvForkCost> measure_kv_forks(const KvShape& shape, int repetitions,
                                    const CancelFlag* cancel);

/// Decodes after one prefill; the three caches hold the same keys and values. Errors: also
/// kInternal where their logits are not bit-equal.
Result<KvDecodeSpeed> measure_kv_decode(const Decoder& model, DType type, int repetitions,
                                        ThreadPool& pool, const CancelFlag* cancel);

}  // namespace whet
