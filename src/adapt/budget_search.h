// A budget for every layer and input, by what leaving its channels out costs on a text.
#pragma once

#include <functional>

#include "adapt/calibration.h"
#include "base/result.h"
#include "model/forward.h"

namespace whet::adapt {

/// `done` of `total` passes over the text.
using OnSearch = std::function<void(size_t done, size_t total)>;

struct SearchedBudget {
  SparsityPlan plan;
  double divergence, first_divergence;  // on the text, from the dense model, in nats per token
};

/// Skips as many weights as `first` does, other channels: half of the channels of each layer's
/// inputs are left out in turn, one input at a time, to see how far that takes the model from the
/// dense one. That cost is taken to grow with the cube of the share, as the power of what is left
/// out does where magnitudes are even near zero; the shares that then cost least for their weights,
/// no more than 0.8 of an input, are tried mixed with those of `first`, and the mixture is taken
/// that is nearest to the dense model, which may be `first`. model.sparsity is null afterwards.
/// Preconditions: has_sparsity_sites() of every layer, no thresholds. Errors: as run_text().
Result<SearchedBudget> search_budget(Decoder& model, const SparsityPlan& first,
                                     const Windows& windows, ThreadPool& pool,
                                     const CancelFlag* cancel, const OnSearch& on_search);

}  // namespace whet::adapt
