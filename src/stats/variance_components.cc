#include "stats/variance_components.h"

#include <algorithm>
#include <vector>

#include "stats/sample.h"

namespace whet::stats {

double VarianceComponents::share_within() const {
  const double all = of_mean(n_tasks, n_repetitions);
  return all > 0 ? within_tasks / n_repetitions / n_tasks / all : 0;
}

std::optional<VarianceComponents> variance_components(const Clusters& tasks) {
  std::vector<double> means;
  double squares = 0;
  double freedom = 0;
  double inverse_repetitions = 0;
  for (const std::vector<double>& task : tasks) {
    if (task.empty()) continue;
    means.push_back(*mean(task));
    inverse_repetitions += 1 / static_cast<double>(task.size());
    if (const auto spread = variance(task)) {
      const auto n = static_cast<double>(task.size() - 1);
      squares += *spread * n;
      freedom += n;
    }
  }
  if (means.size() < 2 || freedom == 0) return std::nullopt;
  VarianceComponents components;
  components.n_tasks = static_cast<double>(means.size());
  components.n_repetitions = components.n_tasks / inverse_repetitions;
  components.within_tasks = squares / freedom;
  components.between_tasks =
      std::max(0.0, *variance(means) - components.within_tasks / components.n_repetitions);
  return components;
}

}  // namespace whet::stats
