#include "stats/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "stats/bootstrap.h"

namespace whet::stats {

std::optional<double> pass_at_k(int64_t n, int64_t c, int64_t k) {
  WHET_CHECK(c >= 0 && c <= n);
  if (k < 1 || k > n) return std::nullopt;
  if (n - c < k) return 1.0;
  double all_wrong = 1;  // product form of the paper: no large binomials
  for (int64_t i = n - c + 1; i <= n; ++i)
    all_wrong *= 1 - static_cast<double>(k) / static_cast<double>(i);
  return 1 - all_wrong;
}

std::optional<double> auroc(std::vector<ScoredCandidate> candidates) {
  for (const auto& candidate : candidates)
    if (std::isnan(candidate.score)) return std::nullopt;
  std::sort(candidates.begin(), candidates.end(),
            [](const auto& a, const auto& b) { return a.score < b.score; });
  double n_correct = 0;
  double n_wrong = 0;
  double wins = 0;
  for (size_t i = 0; i < candidates.size();) {
    double tied_correct = 0;
    double tied_wrong = 0;
    size_t j = i;
    for (; j < candidates.size() && candidates[j].score == candidates[i].score; ++j)
      (candidates[j].correct ? tied_correct : tied_wrong) += 1;
    wins += tied_correct * (n_wrong + 0.5 * tied_wrong);
    n_correct += tied_correct;
    n_wrong += tied_wrong;
    i = j;
  }
  if (n_correct == 0 || n_wrong == 0) return std::nullopt;
  return wins / (n_correct * n_wrong);
}

std::optional<Estimate> estimate_auroc(const std::vector<std::vector<ScoredCandidate>>& tasks,
                                       const BootstrapOptions& options) {
  std::vector<const std::vector<ScoredCandidate>*> units;
  std::vector<ScoredCandidate> pooled;
  for (const auto& task : tasks) {
    if (task.empty()) continue;
    units.push_back(&task);
    pooled.insert(pooled.end(), task.begin(), task.end());
  }
  const auto observed = auroc(pooled);
  if (!observed) return std::nullopt;
  auto statistic = [&](std::span<const uint32_t> indices) {
    pooled.clear();
    for (uint32_t i : indices) pooled.insert(pooled.end(), units[i]->begin(), units[i]->end());
    return auroc(pooled).value_or(std::numeric_limits<double>::quiet_NaN());
  };
  return bootstrap_estimate(*observed, units.size(),
                            bootstrap_percentile(units.size(), statistic, options),
                            "bootstrap by task", options);
}

}  // namespace whet::stats
