#include "draft/step_cost.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace whet {
namespace {

// More than machines with wide kernels take, less than others: where it is wrong, a few steps
// correct it.
constexpr double kGuessPerRow = 0.12;

double guess(int64_t rows) {
  return 1 + kGuessPerRow * static_cast<double>(rows - 1);
}

}  // namespace

void StepCost::note(int64_t rows, double seconds) {
  WHET_CHECK(rows >= 1);
  if (rows > kMostRows || !(seconds > 0)) return;
  Ring& ring = rings_[static_cast<size_t>(rows)];
  ring.seconds[ring.n++ % kKept] = seconds;
  n_since_one_ = rows == 1 ? 0 : n_since_one_ + 1;
}

std::optional<double> StepCost::median(int64_t rows) const {
  const Ring& ring = rings_[static_cast<size_t>(rows)];
  if (ring.n == 0) return std::nullopt;
  std::array<double, kKept> sorted = ring.seconds;
  const size_t n = std::min(ring.n, kKept);
  const auto middle = sorted.begin() + static_cast<ptrdiff_t>((n - 1) / 2);
  std::nth_element(sorted.begin(), middle, sorted.begin() + static_cast<ptrdiff_t>(n));
  return *middle;
}

std::optional<double> StepCost::correction(int64_t rows) const {
  const auto one = median(1), these = median(rows);
  if (!one || !these) return std::nullopt;
  return std::log(*these / *one / guess(rows));
}

double StepCost::correction_between(int64_t rows) const {
  int64_t below = rows - 1, above = rows + 1;
  while (below > 1 && !correction(below)) --below;
  while (above <= kMostRows && !correction(above)) ++above;
  const double low = below <= 1 ? 0 : *correction(below);
  // Beyond what was measured the guess keeps its shape.
  if (above > kMostRows) return low;
  const double share = static_cast<double>(rows - below) / static_cast<double>(above - below);
  return low + share * (*correction(above) - low);
}

double StepCost::over_one(int64_t rows) const {
  WHET_CHECK(rows >= 1);
  if (rows == 1) return 1;
  const int64_t known = std::min(rows, kMostRows);
  const auto n = static_cast<double>(std::min(rings_[static_cast<size_t>(known)].n, kKept));
  const double between = correction_between(known);
  const auto own = correction(known);
  // One measurement may be a disturbed one.
  const double trust = own ? n / (n + 0.5) : 0;
  return guess(rows) * std::exp(trust * own.value_or(0) + (1 - trust) * between);
}

}  // namespace whet
