// Bound weights to the layout that kernels read fastest.
#pragma once

#include <cstddef>
#include <span>

#include "model/weights.h"

namespace whet {

/// Interleaves, in place, every matrix whose type and number of rows allow it; `memory` is what the
/// weights point into. The others stay row-major.
void interleave_weights(Weights& weights, std::span<const std::span<std::byte>> memory);

}  // namespace whet
