// What the memory can deliver: the ceiling of decoding, whose every token reads all weights once.
#pragma once

#include "par/thread_pool.h"

namespace whet {

/// Best of several reads of a buffer far larger than the caches, by all threads of the team, in
/// bytes per second. Takes a fraction of a second; the buffer is freed.
double measure_read_bandwidth(ThreadPool& pool);

}  // namespace whet
