// How well a decoder predicts a text, pass by pass: what a plan costs.
#pragma once

#include "adapt/calibration.h"
#include "base/result.h"
#include "model/forward.h"

namespace whet::adapt {

/// Mean of -log p over all tokens of the windows but the first of each, in nats, with every row
/// sparse as `model.sparsity` says (null: dense). Errors: cancelled, no memory for keys and values.
Result<double> text_loss(const Decoder& model, const Windows& windows, ThreadPool& pool,
                         const CancelFlag* cancel);

}  // namespace whet::adapt
