#include "stats/sample.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace whet::stats {

std::optional<double> mean(std::span<const double> sample) {
  if (sample.empty()) return std::nullopt;
  double sum = 0;
  for (double x : sample) sum += x;
  return sum / static_cast<double>(sample.size());
}

std::optional<double> variance(std::span<const double> sample) {
  if (sample.size() < 2) return std::nullopt;
  const double centre = *mean(sample);
  double sum = 0;
  for (double x : sample) sum += (x - centre) * (x - centre);
  return sum / static_cast<double>(sample.size() - 1);
}

double quantile_of_sorted(std::span<const double> sorted, double q) {
  WHET_CHECK(!sorted.empty() && q >= 0 && q <= 1);
  const double position = static_cast<double>(sorted.size() - 1) * q;
  const size_t below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double fraction = position - static_cast<double>(below);
  return sorted[below] + fraction * (sorted[above] - sorted[below]);
}

std::optional<double> quantile(std::vector<double> sample, double q) {
  if (sample.empty()) return std::nullopt;
  std::sort(sample.begin(), sample.end());
  return quantile_of_sorted(sample, q);
}

std::optional<double> median(std::vector<double> sample) {
  return quantile(std::move(sample), 0.5);
}

std::optional<double> median_absolute_deviation(std::span<const double> sample) {
  const auto centre = median({sample.begin(), sample.end()});
  if (!centre) return std::nullopt;
  std::vector<double> deviations;
  deviations.reserve(sample.size());
  for (double x : sample) deviations.push_back(std::abs(x - *centre));
  return median(std::move(deviations));
}

}  // namespace whet::stats
