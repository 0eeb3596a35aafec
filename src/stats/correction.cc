#include "stats/correction.h"

#include <algorithm>
#include <numeric>

namespace whet::stats {

std::vector<double> holm_adjust(std::span<const double> p_values, size_t max_errors) {
  std::vector<size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(p_values.size());
  double running_max = 0;
  for (size_t rank = 0; rank < order.size(); ++rank) {
    const double scaled =
        static_cast<double>(std::min(order.size() - rank, max_errors)) * p_values[order[rank]];
    running_max = std::max(running_max, std::min(scaled, 1.0));
    adjusted[order[rank]] = running_max;
  }
  return adjusted;
}

}  // namespace whet::stats
