// What a set of samples could reach, and how well a score ranks them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "stats/estimate.h"

namespace whet::stats {

/// Unbiased estimate of the chance that at least one of k samples is correct, from n samples with c
/// correct: 1 - C(n-c, k) / C(n, k). None if k > n or k < 1.
/// Source: Chen et al., "Evaluating large language models trained on code", arXiv 2107.03374
/// (2021).
std::optional<double> pass_at_k(int64_t n, int64_t c, int64_t k);

struct ScoredCandidate {
  double score;
  bool correct;
};

/// Chance that a random correct candidate has a higher score than a random wrong one, ties counting
/// half (the Mann-Whitney U over its maximum). None if one class is empty or a score is NaN.
/// Source: Hanley & McNeil, Radiology 143 (1982).
std::optional<double> auroc(std::vector<ScoredCandidate> candidates);

/// The same over all candidates of all tasks, with a bootstrap interval over tasks.
std::optional<Estimate> estimate_auroc(const std::vector<std::vector<ScoredCandidate>>& tasks,
                                       const BootstrapOptions& options = {});

}  // namespace whet::stats
