// How many proposals are worth their rows.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "draft/step_cost.h"

namespace whet {

struct DraftLengths {
  std::vector<int64_t> n;  // of each sequence
  double gain = 1;         // expected tokens per time over those of a step without proposals
};

/// Chooses the lengths of drafts with the most expected tokens per time. chances[s][i]: that
/// proposal i of sequence s and all before it are drawn; not increasing in i. Each sequence has a
/// row of its own besides, `n_other_rows` >= 0 belong to sequences without proposals. At most
/// `n_most` proposals.
DraftLengths choose_draft_lengths(std::span<const std::vector<double>> chances,
                                  int64_t n_other_rows, int64_t n_most, const StepCost& cost);

}  // namespace whet
