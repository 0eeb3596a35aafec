// SpeculationOptions: what an engine may propose from, and how much.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "generator/speculation_counts.h"

namespace whet {

struct SpeculationOptions {
  /// By DraftSource. A source without its file or model proposes nothing.
  std::array<bool, kDraftSources> sources = {true, true, true, true};
  int64_t n_max = 16;    // most tokens of a draft
  bool adaptive = true;  // of these as many as pay; otherwise as many as there are
  double p_min = 0;      // a proposal less likely than this is not made
  /// Tokens of the draft model's vocabulary that it may propose, the first ones, which are the most
  /// frequent: its head is computed for these only. 0 = all.
  int64_t n_draft_head = 32768;
  bool sparse_draft = false;  // the draft model, which has a plan, decodes sparse
  std::string phrase_file;    // texts to propose from; empty = none

  bool uses(DraftSource source) const { return sources[static_cast<size_t>(source)]; }
};

/// Most that n_max may be: rows of a step beyond that are not told apart.
inline constexpr int64_t kMostDraftTokens = 63;

}  // namespace whet
