#include "stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/rng.h"
#include "stats/distribution.h"
#include "stats/sample.h"

namespace whet::stats {
namespace {

/// Uniform in [0, n) by multiply and shift; the bias, below n / 2^32, is far below any use here.
uint32_t uniform_index(uint64_t bits, size_t n) {
  return static_cast<uint32_t>(((bits >> 32) * n) >> 32);
}

bool usable(const std::vector<double>& replicates, const BootstrapOptions& options) {
  return !replicates.empty() && replicates.size() * 2 >= static_cast<size_t>(options.n_resamples);
}

/// Third standardised moment of the jackknife values over 6 (Efron 1987, eq. 7.3).
double jackknife_acceleration(size_t n_units, const IndexStatistic& statistic) {
  std::vector<uint32_t> indices(n_units - 1);
  std::vector<double> values;
  for (size_t left_out = 0; left_out < n_units; ++left_out) {
    for (size_t i = 0; i + 1 < n_units; ++i)
      indices[i] = static_cast<uint32_t>(i < left_out ? i : i + 1);
    const double value = statistic(indices);
    if (std::isfinite(value)) values.push_back(value);
  }
  const auto centre = mean(values);
  if (!centre) return 0;
  double squares = 0;
  double cubes = 0;
  for (double value : values) {
    const double d = *centre - value;
    squares += d * d;
    cubes += d * d * d;
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

/// Tasks with at least one repetition.
std::vector<const std::vector<double>*> measured(const Clusters& tasks) {
  std::vector<const std::vector<double>*> result;
  for (const auto& task : tasks)
    if (!task.empty()) result.push_back(&task);
  return result;
}

}  // namespace

std::vector<double> bootstrap_distribution(size_t n_units, const IndexStatistic& statistic,
                                           const BootstrapOptions& options) {
  std::vector<double> replicates;
  if (n_units == 0) return replicates;
  replicates.reserve(static_cast<size_t>(std::max(options.n_resamples, 0)));
  std::vector<uint32_t> indices(n_units);
  for (int r = 0; r < options.n_resamples; ++r) {
    const CounterRng rng(options.seed, static_cast<uint64_t>(r));
    for (size_t i = 0; i < n_units; ++i) indices[i] = uniform_index(rng.bits(i), n_units);
    const double value = statistic(indices);
    if (std::isfinite(value)) replicates.push_back(value);
  }
  std::sort(replicates.begin(), replicates.end());
  return replicates;
}

std::optional<Interval> bootstrap_percentile(size_t n_units, const IndexStatistic& statistic,
                                             const BootstrapOptions& options) {
  WHET_CHECK(options.level > 0 && options.level < 1);
  if (n_units < 2) return std::nullopt;
  const auto replicates = bootstrap_distribution(n_units, statistic, options);
  if (!usable(replicates, options)) return std::nullopt;
  const double n = static_cast<double>(n_units);
  const double t = student_t_quantile((1 - options.level) / 2, n - 1);
  const double tail = normal_cdf(std::sqrt(n / (n - 1)) * t);
  return Interval{quantile_of_sorted(replicates, tail), quantile_of_sorted(replicates, 1 - tail)};
}

std::optional<Interval> bootstrap_bca(size_t n_units, const IndexStatistic& statistic,
                                      const BootstrapOptions& options) {
  WHET_CHECK(options.level > 0 && options.level < 1);
  if (n_units < 2) return std::nullopt;
  std::vector<uint32_t> identity(n_units);
  std::iota(identity.begin(), identity.end(), 0u);
  const double observed = statistic(identity);
  const auto replicates = bootstrap_distribution(n_units, statistic, options);
  if (!std::isfinite(observed) || !usable(replicates, options)) return std::nullopt;
  if (replicates.front() == replicates.back()) return Interval{observed, observed};

  // Share below the observed value, ties counting half; kept inside (0,1).
  const auto [first, last] = std::equal_range(replicates.begin(), replicates.end(), observed);
  const double n_replicates = static_cast<double>(replicates.size());
  const double n_below = static_cast<double>(first - replicates.begin());
  const double n_equal = static_cast<double>(last - first);
  const double share = std::clamp((n_below + 0.5 * n_equal) / n_replicates, 0.5 / n_replicates,
                                  1 - 0.5 / n_replicates);
  const double bias = normal_quantile(share);
  const double acceleration = jackknife_acceleration(n_units, statistic);
  auto end = [&](double tail) {
    const double z = bias + normal_quantile(tail);
    const double p = normal_cdf(bias + z / (1 - acceleration * z));
    return quantile_of_sorted(replicates, p);
  };
  const double alpha = 1 - options.level;
  const double a = end(alpha / 2);
  const double b = end(1 - alpha / 2);
  return Interval{std::min(a, b), std::max(a, b)};
}

Estimate bootstrap_estimate(double value, size_t n_units, std::optional<Interval> interval,
                            std::string method, const BootstrapOptions& options) {
  Estimate result;
  result.value = value;
  result.level = options.level;
  result.n = static_cast<int64_t>(n_units);
  if (interval) {
    result.method = std::move(method);
    result.interval = Interval{std::min(interval->low, value), std::max(interval->high, value)};
  }
  return result;
}

std::optional<Estimate> estimate_quantile(const Clusters& tasks, double q,
                                          const BootstrapOptions& options) {
  const auto units = measured(tasks);
  if (units.empty()) return std::nullopt;
  std::vector<double> pooled;
  auto statistic = [&](std::span<const uint32_t> indices) {
    pooled.clear();
    for (uint32_t i : indices) pooled.insert(pooled.end(), units[i]->begin(), units[i]->end());
    std::sort(pooled.begin(), pooled.end());
    return quantile_of_sorted(pooled, q);
  };
  std::vector<uint32_t> identity(units.size());
  std::iota(identity.begin(), identity.end(), 0u);
  return bootstrap_estimate(statistic(identity), units.size(),
                            bootstrap_percentile(units.size(), statistic, options),
                            "bootstrap by task", options);
}

std::optional<Estimate> estimate_mean(const Clusters& tasks, const BootstrapOptions& options) {
  std::vector<double> means;
  for (const auto* task : measured(tasks)) means.push_back(*mean(*task));
  if (means.empty()) return std::nullopt;
  auto statistic = [&](std::span<const uint32_t> indices) {
    double sum = 0;
    for (uint32_t i : indices) sum += means[i];
    return sum / static_cast<double>(indices.size());
  };
  return bootstrap_estimate(*mean(means), means.size(),
                            bootstrap_bca(means.size(), statistic, options),
                            "BCa bootstrap by task", options);
}

}  // namespace whet::stats
