// Memory for keys and values under mixes of requests as people send them: what the arena commits,
// by the kernel's count, beside what other ways of keeping them would take for the same requests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "generator/generator.h"
#include "kv/kv_layout.h"

namespace whet {

/// Each way of keeping keys and values at its own peak.
struct KvMixResult {
  std::string name;
  int64_t n_requests = 0;
  int64_t n_sequences = 0;       // live at a time, at most
  int64_t longest = 0;           // positions of a sequence
  int64_t n_prompt = 0;          // tokens of all prompts
  int64_t n_computed = 0;        // of them, those that were not found as a kept prefix
  uint64_t needed_bytes = 0;     // positions of live sequences, equal beginnings once
  uint64_t committed_bytes = 0;  // of the arena's file (st_blocks), kept prefixes included
  uint64_t kept_bytes = 0;       // of those, blocks that only the prefix index had at that moment
  uint64_t naive_bytes = 0;      // every live sequence with a copy of its own
  uint64_t static_bytes = 0;     // every live sequence with room for the longest from the beginning
  uint64_t paged_bytes = 0;      // pages of 16 positions behind a table, full ones shared perfectly
};

/// Replays every mix with caches of `shape`, whose capacity follows from the mix. Keys and values
/// are written, not computed. Errors: as KvArena; kCancelled.
Result<std::vector<KvMixResult>> measure_kv_mixes(const KvShape& shape, const CancelFlag* cancel);

}  // namespace whet
