#include "engine/step_pacer.h"

#include <algorithm>
#include <cmath>

namespace whet {
namespace {

constexpr double kNewest = 0.25;  // its weight in the averages

void smooth(double& average, double found) {
  average = average == 0 ? found : average + kNewest * (found - average);
}

}  // namespace

StepPacer::StepPacer(double slowdown, int64_t least, int64_t most)
    : slowdown_(slowdown), least_(least), most_(most), n_rows_(least) {}

void StepPacer::note(int64_t n_prompt_rows, int64_t ns) {
  if (n_prompt_rows == 0) {
    smooth(decode_ns_, static_cast<double>(ns));
  } else if (decode_ns_ > 0) {
    // Rows get cheaper in company, so the guess from few rows is low and approaches from below.
    const double added = std::max(0.0, static_cast<double>(ns) - decode_ns_);
    smooth(row_ns_, std::max(1.0, added / static_cast<double>(n_prompt_rows)));
  }
  if (decode_ns_ == 0 || row_ns_ == 0) return;
  const double rows = (slowdown_ - 1) * decode_ns_ / row_ns_;
  n_rows_ = static_cast<int64_t>(
      std::clamp(rows, static_cast<double>(least_), static_cast<double>(most_)));
}

}  // namespace whet
