#include "experiment/looks.h"

#include <vector>

#include "stats/alpha_spending.h"

namespace whet::experiment {

double alpha_of_last_look(const results::Progress& status, double alpha) {
  const auto n_planned = static_cast<double>(status.n_planned.value_or(0));
  if (n_planned <= 0) return alpha;
  std::vector<double> shares;
  for (const int64_t n_done : status.looks) {
    shares.push_back(static_cast<double>(n_done) / n_planned);
  }
  return stats::level_of_last_look(alpha, shares);
}

}  // namespace whet::experiment
