// ModelFile -> Weights: every shape and type checked once.
#pragma once

#include "base/result.h"
#include "formats/model_file.h"
#include "model/model_config.h"
#include "model/weights.h"

namespace whet {

/// Views into `file`, which must outlive them, and into Weights::made where the file lays out a
/// matrix otherwise than as rows. Errors name the tensor, the expected and the found
/// shape. Tensors of the file that the architecture does not use are an error too, so that nothing
/// is silently ignored (but for buffers that are known to be derived data).
Result<Weights> bind_weights(const ModelFile& file, const ModelConfig& config);

}  // namespace whet
