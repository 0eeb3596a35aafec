// Order statistics and moments of one sample.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace whet::stats {

/// Arithmetic mean; none of an empty sample.
std::optional<double> mean(std::span<const double> sample);

/// Sample variance with divisor n-1; none below two values.
std::optional<double> variance(std::span<const double> sample);

/// Quantile q in [0,1], type 7: linear interpolation between the order statistics around
/// (n-1)q. The sample need not be sorted; none of an empty one.
/// Source: Hyndman & Fan, "Sample quantiles in statistical packages", Am. Stat. 50 (1996).
std::optional<double> quantile(std::vector<double> sample, double q);

/// The same of a sample in ascending order, which must not be empty.
double quantile_of_sorted(std::span<const double> sorted, double q);

std::optional<double> median(std::vector<double> sample);

/// Median absolute deviation from the median, unscaled (1.4826 x MAD estimates a normal sigma).
/// Source: Hampel, J. Am. Stat. Assoc. 69 (1974).
std::optional<double> median_absolute_deviation(std::span<const double> sample);

}  // namespace whet::stats
