// Weights as mlx-lm quantises them: x.weight in words along the columns, x.scales beside it, and
// x.biases in the affine mode.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "load/weight_planes.h"
#include "par/thread_pool.h"

namespace whet {

/// `section`: "quantization" of config.json, which may say otherwise of single modules. Modes:
/// affine of 2, 3, 4, 5, 6 or 8 bits, mxfp4, mxfp8, nvfp4; a module that the section names with
/// false is not quantised. Errors: another mode, planes that do not fit together.
Status repack_mlx(const nlohmann::json& section, WeightPlanes& planes, ThreadPool& pool);

}  // namespace whet
