// What the memory can deliver: the ceiling of decoding, whose every token reads all weights once.
#pragma once

#include <cstdint>

#include "par/thread_pool.h"

namespace whet {

/// Bytes that are read: far more than caches hold, and at most half of what this process can still
/// have, since a control group kills a process that touches more than its limit.
uint64_t bytes_to_read(uint64_t available_bytes);

/// Best of several reads of a buffer of that size by all threads of the team, in bytes per second;
/// 0 where there is no memory for it. Takes a fraction of a second; the buffer is freed.
double measure_read_bandwidth(ThreadPool& pool);

}  // namespace whet
