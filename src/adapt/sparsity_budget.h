// How many channels of each input a sparse pass keeps, so that a given share of weights is skipped.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/sparsity.h"

namespace whet::adapt {

/// Channels kept of `channels` where the share `sparsity` is skipped: D - floor(s * D).
int64_t channels_kept(int64_t channels, double sparsity);

/// The rule of LaRoSA's code: 0.8 p of what norms give, 1.2 p of the other two, whatever that comes
/// to by weight. Errors: kInvalidArgument unless 0 <= p and 1.2 p < 1; a model without these
/// inputs (has_sparsity_sites()).
Result<SparsityPlan> published_budget(const ModelConfig& config, double p);
/// `balance` times p of what norms give, and as much of the other two as makes the share of all
/// weights p. Errors: kInvalidArgument where that is less than none or all of the other two.
Result<SparsityPlan> balanced_budget(const ModelConfig& config, double p, double balance);

/// The share p of the channels of down's input, and nothing else. Errors: as published_budget().
Result<SparsityPlan> down_budget(const ModelConfig& config, double p);

/// published_budget() in whole blocks of 32 channels, of which each input's share is rounded down.
/// Errors: as published_budget(); an input that is no multiple of 32.
Result<SparsityPlan> block_budget(const ModelConfig& config, double p);

/// The share p of the channels of every input. Errors: as published_budget().
Result<SparsityPlan> uniform_budget(const ModelConfig& config, double p);

}  // namespace whet::adapt
