#include "engine/step_pacer.h"

#include <algorithm>
#include <cmath>

namespace whet {
namespace {

constexpr double kNewest = 0.25;  // its weight in the average
// From one step to the next: a row that looked cheap once must not make the next step long.
constexpr double kMostGrowth = 1.25;

}  // namespace

StepPacer::StepPacer(double slowdown, int64_t least, int64_t most)
    : slowdown_(slowdown), least_(least), most_(most), n_rows_(least) {}

double StepPacer::decode_ns() const {
  const size_t n = std::min(n_decodes_, decodes_ns_.size());
  if (n == 0) return 0;
  auto sorted = decodes_ns_;
  std::sort(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(n));
  return sorted[n / 2];
}

void StepPacer::note(int64_t n_prompt_rows, int64_t ns) {
  const auto found = static_cast<double>(ns);
  if (n_prompt_rows == 0) {
    decodes_ns_[n_decodes_++ % decodes_ns_.size()] = found;
  } else if (n_decodes_ > 0) {
    // Rows get cheaper in company, so the guess from few rows is low and approaches from below.
    const double added = std::max(0.0, found - decode_ns());
    const double row_ns = std::max(1.0, added / static_cast<double>(n_prompt_rows));
    row_ns_ = row_ns_ == 0 ? row_ns : row_ns_ + kNewest * (row_ns - row_ns_);
  }
  if (n_decodes_ == 0 || row_ns_ == 0) return;
  const double rows = std::min((slowdown_ - 1) * decode_ns() / row_ns_,
                               std::ceil(kMostGrowth * static_cast<double>(n_rows_)));
  n_rows_ = static_cast<int64_t>(
      std::clamp(rows, static_cast<double>(least_), static_cast<double>(most_)));
}

}  // namespace whet
