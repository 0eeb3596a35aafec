// Which decoders a rotation of their residual stream can be absorbed into.
#pragma once

#include "base/result.h"
#include "model/model_config.h"

namespace whet::adapt {

/// A rotation passes a norm of root mean squares once its gain stands in the weights behind it, and
/// only if nothing else acts on single elements of the stream.
/// Errors: kInvalidModel, names the architecture, what it has and what was expected.
Status check_rotatable(const ModelConfig& config);

}  // namespace whet::adapt
