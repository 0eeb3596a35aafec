// Bound weights to the layout that kernels read fastest.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "model/weights.h"
#include "par/thread_pool.h"
#include "sys/file_bytes.h"

namespace whet {

/// Interleaves, in place, every matrix of a wanted type whose type and number of rows allow it, and
/// returns how many did; the others stay row-major. The weights point into `files`.
int interleave_weights(Weights& weights, std::span<const std::shared_ptr<FileBytes>> files,
                       ThreadPool& pool, const std::function<bool(DType)>& wanted);

}  // namespace whet
