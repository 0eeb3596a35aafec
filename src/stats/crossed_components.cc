#include "stats/crossed_components.h"

#include <algorithm>

#include "stats/sample.h"

namespace whet::stats {

double CrossedComponents::of_mean() const {
  return between_tasks / n_tasks + between_wordings / n_wordings +
         (interaction + within / n_repetitions) / (n_tasks * n_wordings);
}

double CrossedComponents::share_within() const {
  const double all = of_mean();
  return all > 0 ? within / n_repetitions / (n_tasks * n_wordings) / all : 0;
}

double CrossedComponents::share_of_wordings() const {
  const double all = of_mean();
  return all > 0 ? (between_wordings + interaction / n_tasks) / n_wordings / all : 0;
}

std::optional<CrossedComponents> crossed_components(const std::vector<Clusters>& tasks) {
  const size_t n_wordings = tasks.empty() ? 0 : tasks.front().size();
  std::vector<std::vector<double>> cells;  // means, by task and wording
  double squares = 0, freedom = 0, inverse_repetitions = 0;
  for (const Clusters& task : tasks) {
    const bool is_whole =
        task.size() == n_wordings &&
        std::none_of(task.begin(), task.end(), [](const auto& runs) { return runs.empty(); });
    if (!is_whole) continue;
    std::vector<double>& means = cells.emplace_back();
    for (const std::vector<double>& runs : task) {
      means.push_back(*mean(runs));
      const auto n = static_cast<double>(runs.size());
      inverse_repetitions += 1 / n;
      if (const auto spread = variance(runs)) {
        squares += *spread * (n - 1);
        freedom += n - 1;
      }
    }
  }
  if (cells.size() < 2 || n_wordings < 2 || freedom == 0) return std::nullopt;

  CrossedComponents of;
  of.n_tasks = static_cast<double>(cells.size());
  of.n_wordings = static_cast<double>(n_wordings);
  of.n_repetitions = of.n_tasks * of.n_wordings / inverse_repetitions;
  of.within = squares / freedom;

  std::vector<double> of_tasks, of_wordings(n_wordings, 0);
  for (const std::vector<double>& task : cells) {
    of_tasks.push_back(*mean(task));
    for (size_t w = 0; w < n_wordings; ++w) of_wordings[w] += task[w] / of.n_tasks;
  }
  const double all = *mean(of_tasks);
  double left = 0;
  for (size_t i = 0; i < cells.size(); ++i) {
    for (size_t w = 0; w < n_wordings; ++w) {
      const double rest = cells[i][w] - of_tasks[i] - of_wordings[w] + all;
      left += rest * rest;
    }
  }
  // The variance of a cell's mean around what its task and its wording make of it.
  const double cell = left / ((of.n_tasks - 1) * (of.n_wordings - 1));
  of.interaction = std::max(0.0, cell - of.within / of.n_repetitions);
  of.between_tasks = std::max(0.0, *variance(of_tasks) - cell / of.n_wordings);
  of.between_wordings = std::max(0.0, *variance(of_wordings) - cell / of.n_tasks);
  return of;
}

}  // namespace whet::stats
