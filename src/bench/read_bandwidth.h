// What the memory can deliver: the ceiling of decoding, whose every token reads all weights once.
#pragma once

#include <cstdint>
#include <optional>

#include "par/thread_pool.h"

namespace whet {

/// Bytes that are read: at most half of what this process can still have, since a control group
/// kills a process that touches more than its limit; 0 where that is no more than caches hold.
uint64_t bytes_to_read(uint64_t available_bytes);

/// Best of several reads of a buffer of that size, or of as much of it as a limit of the address
/// space grants, by all threads of the team, in bytes per second; none where that is too little to
/// be no cache. Takes a fraction of a second; the buffer is freed.
std::optional<double> measure_read_bandwidth(ThreadPool& pool);

}  // namespace whet
