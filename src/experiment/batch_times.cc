#include "experiment/batch_times.h"

#include <algorithm>
#include <cmath>

namespace whet::experiment {
namespace {

constexpr double kMost = 256;
constexpr double kLeastSlope = 0.01;  // a sample is never free, however the noise falls

}  // namespace

void BatchTimes::note(size_t n, double ratio) {
  const double further = static_cast<double>(n) - 1;
  products_ += further * (ratio - 1);
  squares_ += further * further;
}

size_t BatchTimes::n_within(double ratio) const {
  const double slope = squares_ > 0 ? std::max(products_ / squares_, kLeastSlope) : 1;
  constexpr double kRounding = 1e-9;
  const double n = 1 + (ratio - 1) / slope + kRounding;
  return static_cast<size_t>(std::floor(std::clamp(n, 1.0, kMost)));
}

}  // namespace whet::experiment
