#include "draft/draft_lengths.h"

#include <algorithm>
#include <functional>

namespace whet {
namespace {

// What is expected to gain less is not tried: measured costs are not better than this.
constexpr double kLeastGain = 1.02;

}  // namespace

DraftLengths choose_draft_lengths(std::span<const std::vector<double>> chances,
                                  int64_t n_other_rows, int64_t n_most, const StepCost& cost) {
  struct Candidate {
    double chance;
    size_t sequence;
  };
  std::vector<Candidate> candidates;
  for (size_t s = 0; s < chances.size(); ++s) {
    for (double chance : chances[s]) candidates.push_back({chance, s});
  }
  // The likeliest first: since chances fall along a draft, the first k of all are the beginnings of
  // drafts. Equal ones stay in the order of the draft.
  std::ranges::stable_sort(candidates, std::greater<>{}, &Candidate::chance);
  DraftLengths best{std::vector<int64_t>(chances.size(), 0), 1};
  const int64_t n_rows = static_cast<int64_t>(chances.size()) + n_other_rows;
  if (n_rows == 0) return best;
  const double alone = static_cast<double>(n_rows) / cost.over_one(n_rows);
  double tokens = static_cast<double>(n_rows);
  size_t n_best = 0;
  const size_t n_considered = std::min(candidates.size(), static_cast<size_t>(n_most));
  // Steps go up in cost where a block of rows is full, so the best may lie behind a worse one.
  for (size_t k = 0; k < n_considered; ++k) {
    tokens += candidates[k].chance;
    const double gain = tokens / cost.over_one(n_rows + static_cast<int64_t>(k) + 1) / alone;
    if (gain > best.gain && gain >= kLeastGain) {
      best.gain = gain;
      n_best = k + 1;
    }
  }
  for (size_t k = 0; k < n_best; ++k) ++best.n[candidates[k].sequence];
  return best;
}

}  // namespace whet
