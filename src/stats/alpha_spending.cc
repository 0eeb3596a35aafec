#include "stats/alpha_spending.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace whet::stats {

double spent_alpha(double alpha, double t) {
  if (t >= 1) return alpha;  // exactly
  return alpha * std::log1p((std::numbers::e - 1) * std::max(t, 0.0));
}

double level_of_last_look(double alpha, std::span<const double> looks) {
  if (looks.empty()) return alpha;
  const double before = looks.size() > 1 ? spent_alpha(alpha, looks[looks.size() - 2]) : 0;
  return std::max(spent_alpha(alpha, looks.back()) - before, 0.0);
}

}  // namespace whet::stats
