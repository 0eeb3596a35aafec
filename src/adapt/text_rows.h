// A decoder run over the windows of a text, row by row.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "adapt/calibration.h"
#include "base/result.h"
#include "model/forward.h"

namespace whet::adapt {

/// Rows of the windows that a token follows: all but the last of each.
size_t scored_rows(const Windows& windows);

/// Logits [V] of row `row`, counted over all windows, and the token behind it. Called on the team,
/// rows in any order.
using OnTextRow = std::function<void(size_t row, std::span<const float> logits, int32_t next)>;

/// Every row sparse as `model.sparsity` says (null: dense). Errors: cancelled, no memory for keys
/// and values.
Status run_text(const Decoder& model, const Windows& windows, ThreadPool& pool,
                const CancelFlag* cancel, const OnTextRow& on_row);

}  // namespace whet::adapt
