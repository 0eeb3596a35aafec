// Seeded random weights of any block type, written as blocks: random codes under scales that give
// every type about the same spread. Nothing is quantised, so a 7 B model takes seconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/rng.h"
#include "tensor/dtype.h"

namespace whet {

/// Fills `blocks` (a whole number of blocks of `type`; f32 values, ... for the float types) with
/// weights of mean about 0 and standard deviation about 0.02. `first_block` numbers the first one
/// in its tensor: a tensor can be filled in pieces with the same result. Types: those of
/// type_mixture().
void fill_random_weights(DType type, const CounterRng& rng, uint64_t first_block,
                         std::span<std::byte> blocks);

}  // namespace whet
