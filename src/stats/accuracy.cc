#include "stats/accuracy.h"

#include <algorithm>
#include <array>
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

/// Independent trials that these runs are worth; `units` are tasks, or groups of them.
double effective_n(std::vector<GroupSum> units, double n_runs, double level) {
  const auto n_units = static_cast<double>(units.size());
  // One imaginary unit all right and one all wrong: a few that happen to agree must not be taken
  // for a spread that is known to be small.
  add_imaginary_groups(units, std::array{0.0, 1.0});
  const double p = mean_over_tasks(units);
  double squares = 0;
  double n_tasks = 0;
  for (const GroupSum& unit : units) {
    squares += (unit.sum - p * unit.n) * (unit.sum - p * unit.n);
    n_tasks += unit.n;
  }
  const double n = std::clamp(p * (1 - p) * n_tasks * n_tasks / squares, n_units, n_runs);
  // The spread is an estimate itself, with n_units - 1 degrees of freedom.
  const double tail = (1 - level) / 2;
  const double shrink = normal_quantile(tail) / student_t_quantile(tail, n_units - 1);
  return n * shrink * shrink;
}

}  // namespace

std::optional<Estimate> estimate_accuracy(const Clusters& tasks, double level,
                                          std::span<const int64_t> groups) {
  WHET_CHECK(groups.empty() || groups.size() == tasks.size());
  std::vector<double> task_means;
  std::vector<int64_t> group_of;
  size_t n_runs = 0;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].empty()) continue;
    task_means.push_back(*mean(tasks[i]));
    group_of.push_back(groups.empty() ? kOwnGroup : groups[i]);
    n_runs += tasks[i].size();
  }
  if (task_means.empty()) return std::nullopt;
  const std::vector<GroupSum> units = group_sums(task_means, group_of);
  const double p = *mean(task_means);
  auto n_effective = static_cast<double>(units.size());
  if (n_runs > units.size() && units.size() > 1) {
    n_effective = effective_n(units, static_cast<double>(n_runs), level);
  }
  Estimate result;
  result.value = p;
  result.level = level;
  result.n = static_cast<int64_t>(units.size());
  result.interval = wilson_interval(p * n_effective, n_effective, level);
  result.method = n_runs == units.size()              ? "Wilson"
                  : units.size() == task_means.size() ? "Wilson, effective n by task"
                                                      : "Wilson, effective n by group";
  return result;
}

TaskDifferences task_differences(const PairedTasks& tasks) {
  TaskDifferences differences;
  for (const PairedTask& task : tasks) {
    const auto baseline = mean(task.baseline);
    const auto strategy = mean(task.strategy);
    if (!baseline || !strategy) continue;
    differences.values.push_back(*strategy - *baseline);
    differences.groups.push_back(task.group);
  }
  return differences;
}

std::optional<Difference> estimate_accuracy_difference(const PairedTasks& tasks,
                                                       const BootstrapOptions& options) {
  const TaskDifferences differences = task_differences(tasks);
  if (differences.values.empty()) return std::nullopt;
  std::vector<GroupSum> units = group_sums(differences.values, differences.groups);
  const std::string unit = units.size() == differences.values.size() ? "task" : "group";

  Difference result;
  result.estimate.value = *mean(differences.values);
  result.estimate.level = options.level;
  result.estimate.n = static_cast<int64_t>(units.size());
  const FlipTest test = sign_flip_test_by_group(units, options.n_resamples, options.seed);
  result.p = test.p;
  result.test = test.exact ? "exact sign-flip by " + unit : "sign-flip by " + unit + ", sampled";

  add_imaginary_groups(units, std::array{1.0, -1.0});
  auto statistic = [&](std::span<const uint32_t> indices) {
    double sum = 0;
    double n_tasks = 0;
    for (uint32_t i : indices) {
      sum += units[i].sum;
      n_tasks += units[i].n;
    }
    return sum / n_tasks;
  };
  result.estimate.interval = bootstrap_percentile(units.size(), statistic, options);
  if (result.estimate.interval) {
    auto& [low, high] = *result.estimate.interval;
    low = std::min(low, result.estimate.value);
    high = std::max(high, result.estimate.value);
    result.estimate.method = "bootstrap by " + unit + ", Bonett-Price adjusted";
  }
  return result;
}

}  // namespace whet::stats
