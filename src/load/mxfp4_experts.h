// gpt-oss as it is published: experts of four-bit floats in blocks of 32, "x_blocks" beside
// "x_scales".
#pragma once

#include "load/weight_planes.h"

namespace whet {

/// Puts x [experts, rows, columns] of MXFP4 in the place of each pair of planes. Of "gate_up_proj",
/// whose rows stand by turns, all rows of the gate come first then.
/// Errors: planes of another type or shape; not enough memory.
Status repack_mxfp4_experts(WeightPlanes& planes, ThreadPool& pool);

}  // namespace whet
