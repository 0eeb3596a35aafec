#include "stats/accuracy.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "stats/bootstrap.h"
#include "stats/distribution.h"
#include "stats/sample.h"
#include "stats/significance.h"

namespace whet::stats {

std::optional<Interval> wilson_interval(double k, double n, double level) {
  WHET_CHECK(level > 0 && level < 1 && k >= 0 && k <= n);
  if (n == 0) return std::nullopt;
  const double z = -normal_quantile((1 - level) / 2);
  const double p = k / n;
  const double centre = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return Interval{std::clamp(centre - half, 0.0, p), std::clamp(centre + half, p, 1.0)};
}

namespace {

/// Independent trials that several seeds of these tasks are worth.
double effective_n(std::vector<double> task_means, double n_runs, double level) {
  const double n_tasks = static_cast<double>(task_means.size());
  // One imaginary task all right and one all wrong: a few tasks that happen to agree must not be
  // taken for a spread that is known to be small.
  task_means.push_back(0);
  task_means.push_back(1);
  const double p = *mean(task_means);
  double spread = 0;  // population variance
  for (double m : task_means) spread += (m - p) * (m - p) / (n_tasks + 2);
  const double n = std::clamp(p * (1 - p) * (n_tasks + 2) / spread, n_tasks, n_runs);
  // The spread is an estimate itself, with n_tasks - 1 degrees of freedom.
  const double tail = (1 - level) / 2;
  const double shrink = normal_quantile(tail) / student_t_quantile(tail, n_tasks - 1);
  return n * shrink * shrink;
}

}  // namespace

std::optional<Estimate> estimate_accuracy(const Clusters& tasks, double level) {
  std::vector<double> task_means;
  size_t n_runs = 0;
  for (const auto& task : tasks) {
    if (task.empty()) continue;
    task_means.push_back(*mean(task));
    n_runs += task.size();
  }
  if (task_means.empty()) return std::nullopt;
  const double n_tasks = static_cast<double>(task_means.size());
  const double p = *mean(task_means);
  double n_effective = n_tasks;
  if (static_cast<double>(n_runs) > n_tasks && n_tasks > 1) {
    n_effective = effective_n(task_means, static_cast<double>(n_runs), level);
  }
  Estimate result;
  result.value = p;
  result.level = level;
  result.n = static_cast<int64_t>(task_means.size());
  result.interval = wilson_interval(p * n_effective, n_effective, level);
  result.method = n_runs == task_means.size() ? "Wilson" : "Wilson, effective n by task";
  return result;
}

std::optional<Difference> estimate_accuracy_difference(const PairedTasks& tasks,
                                                       const BootstrapOptions& options) {
  std::vector<double> differences;
  for (const auto& task : tasks) {
    const auto baseline = mean(task.baseline);
    const auto strategy = mean(task.strategy);
    if (baseline && strategy) differences.push_back(*strategy - *baseline);
  }
  if (differences.empty()) return std::nullopt;

  Difference result;
  result.estimate.value = *mean(differences);
  result.estimate.level = options.level;
  result.estimate.n = static_cast<int64_t>(differences.size());
  const FlipTest test = sign_flip_test(differences, options.n_resamples, options.seed);
  result.p = test.p;
  result.test = test.exact ? "exact sign-flip by task" : "sign-flip by task, sampled";

  differences.push_back(1);
  differences.push_back(-1);
  auto statistic = [&](std::span<const uint32_t> indices) {
    double sum = 0;
    for (uint32_t i : indices) sum += differences[i];
    return sum / static_cast<double>(indices.size());
  };
  result.estimate.interval = bootstrap_percentile(differences.size(), statistic, options);
  if (result.estimate.interval) {
    auto& [low, high] = *result.estimate.interval;
    low = std::min(low, result.estimate.value);
    high = std::max(high, result.estimate.value);
    result.estimate.method = "bootstrap by task, Bonett-Price adjusted";
  }
  return result;
}

}  // namespace whet::stats
