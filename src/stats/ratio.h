// Ratios of paired costs (times, tokens), made and resampled on the log scale, where a ratio and
// its inverse are treated alike.
#pragma once

#include <optional>

#include "stats/estimate.h"

namespace whet::stats {

enum class RatioOf {
  kGeometricMeans,  // exp(mean over tasks of mean ln strategy - mean ln baseline); each task alike
  kMeans,           // mean over tasks of the strategy / of the baseline; long tasks weigh more
  kMedians,         // median over tasks of the task medians, strategy / baseline
};

/// Strategy / baseline over the tasks that have both, with a bootstrap interval over tasks, or over
/// groups of them (expanded percentile of the log ratio). Values must be positive; a task with one
/// that is not is left out. None without a task.
std::optional<Estimate> estimate_ratio(const PairedTasks& tasks,
                                       RatioOf kind = RatioOf::kGeometricMeans,
                                       const BootstrapOptions& options = {});

}  // namespace whet::stats
