#include "stats/ratio.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "base/check.h"
#include "stats/bootstrap.h"
#include "stats/sample.h"

namespace whet::stats {
namespace {

/// One number per task and arm, such that every kind of ratio is a statistic of these pairs.
double task_value(const std::vector<double>& repetitions, RatioOf kind) {
  if (kind == RatioOf::kMeans) return *mean(repetitions);
  if (kind == RatioOf::kMedians) return *median(repetitions);
  std::vector<double> logs;
  for (double x : repetitions) logs.push_back(std::log(x));
  return *mean(logs);
}

bool all_positive(const std::vector<double>& values) {
  return !values.empty() && std::all_of(values.begin(), values.end(),
                                        [](double x) { return x > 0 && std::isfinite(x); });
}

}  // namespace

std::optional<Estimate> estimate_ratio(const PairedTasks& tasks, RatioOf kind,
                                       const BootstrapOptions& options) {
  std::vector<double> baseline;
  std::vector<double> strategy;
  std::vector<int64_t> groups;
  for (const auto& task : tasks) {
    if (!all_positive(task.baseline) || !all_positive(task.strategy)) continue;
    baseline.push_back(task_value(task.baseline, kind));
    strategy.push_back(task_value(task.strategy, kind));
    groups.push_back(task.group);
  }
  if (baseline.empty()) return std::nullopt;

  const auto units = group_members(groups);
  std::vector<double> drawn;
  auto centre = [&](const std::vector<double>& values, std::span<const uint32_t> indices) {
    drawn.clear();
    for (uint32_t unit : indices) {
      for (uint32_t task : units[unit]) drawn.push_back(values[task]);
    }
    return kind == RatioOf::kMedians ? *median(drawn) : *mean(drawn);
  };
  auto log_ratio = [&](std::span<const uint32_t> indices) {
    const double s = centre(strategy, indices);
    const double b = centre(baseline, indices);
    return kind == RatioOf::kGeometricMeans ? s - b : std::log(s / b);
  };
  std::vector<uint32_t> identity(units.size());
  std::iota(identity.begin(), identity.end(), 0u);
  const double observed = log_ratio(identity);
  Estimate result;
  result.value = std::exp(observed);
  result.level = options.level;
  result.n = static_cast<int64_t>(units.size());
  if (const auto interval = bootstrap_percentile(units.size(), log_ratio, options)) {
    result.interval = Interval{std::exp(std::min(interval->low, observed)),
                               std::exp(std::max(interval->high, observed))};
    result.method = units.size() == baseline.size() ? "bootstrap by task, log scale"
                                                    : "bootstrap by group, log scale";
  }
  return result;
}

}  // namespace whet::stats
