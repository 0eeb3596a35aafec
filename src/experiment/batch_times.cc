#include "experiment/batch_times.h"

#include <algorithm>
#include <cmath>

#include "stats/sample.h"

namespace whet::experiment {
namespace {

constexpr double kMost = 256;
constexpr double kLeastSlope = 0.01;  // a sample is never free, however the noise falls

}  // namespace

void BatchTimes::note(size_t n, double ratio) {
  slopes_.push_back((ratio - 1) / (static_cast<double>(n) - 1));
}

size_t BatchTimes::n_within(double ratio) const {
  const double slope = std::max(stats::median(slopes_).value_or(1), kLeastSlope);
  constexpr double kRounding = 1e-9;
  const double n = 1 + (ratio - 1) / slope + kRounding;
  return static_cast<size_t>(std::floor(std::clamp(n, 1.0, kMost)));
}

}  // namespace whet::experiment
