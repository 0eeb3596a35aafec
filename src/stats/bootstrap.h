// The bootstrap over independent units. A unit is whatever is drawn together: a number, or a task
// with all its repetitions and both arms of a pair (then it is the cluster or paired bootstrap).
// The same seed gives the same interval on every machine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/estimate.h"

namespace whet::stats {

/// A statistic of the units with these indices (with repetition). NaN = not defined for them.
using IndexStatistic = std::function<double(std::span<const uint32_t>)>;

/// The finite replicates in ascending order: `n_resamples` draws of `n_units` units.
std::vector<double> bootstrap_distribution(size_t n_units, const IndexStatistic& statistic,
                                           const BootstrapOptions& options);

/// Expanded percentile interval: percentiles of the replicates at tails
/// Phi(-sqrt(n/(n-1)) t_{1-alpha/2, n-1}), which undoes the narrowness of the plain percentile
/// interval at small n. None below two units, or if less than half of the replicates are finite.
/// Source: Hesterberg, "What teachers should know about the bootstrap", Am. Stat. 69 (2015).
std::optional<Interval> bootstrap_percentile(size_t n_units, const IndexStatistic& statistic,
                                             const BootstrapOptions& options);

/// Bias-corrected and accelerated interval; the acceleration comes from the jackknife over units.
/// None as above, or if the statistic is not defined on the sample itself.
/// Source: Efron, "Better bootstrap confidence intervals", J. Am. Stat. Assoc. 82 (1987).
std::optional<Interval> bootstrap_bca(size_t n_units, const IndexStatistic& statistic,
                                      const BootstrapOptions& options);

/// `value` over `n_units`, with an interval by `method` that is widened to hold it.
Estimate bootstrap_estimate(double value, size_t n_units, std::optional<Interval> interval,
                            std::string method, const BootstrapOptions& options);

/// Quantile q over all repetitions of all tasks, resampling tasks. None without a value.
std::optional<Estimate> estimate_quantile(const Clusters& tasks, double q,
                                          const BootstrapOptions& options = {});

/// Mean over tasks of the mean over repetitions, resampling tasks. None without a value.
std::optional<Estimate> estimate_mean(const Clusters& tasks, const BootstrapOptions& options = {});

}  // namespace whet::stats
