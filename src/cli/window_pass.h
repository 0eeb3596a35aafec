// Runs the windows of a text through a model and hands out the logits of the rows that count.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "cli/base_log_probs.h"
#include "engine/engine.h"

namespace whet {

/// `text` in whole windows of the engine's context; what is left at the end is not scored.
/// Errors: a context of fewer than 4 tokens, a text shorter than it.
Result<ScoredWindows> cut_windows(const Engine& engine, std::span<const int32_t> text);

/// Row `index` of all windows' rows, and the token that came behind it.
using OnRow = std::function<Status(int64_t index, std::span<const float> logits, int32_t token)>;
/// Each window from an empty context; a BOS token stands in for its first token where the model has
/// one. `windows` must fit the engine's context and vocabulary. Errors: those of `on_row`,
/// cancelled.
Status run_windows(Engine& engine, const ScoredWindows& windows, const OnRow& on_row);

}  // namespace whet
