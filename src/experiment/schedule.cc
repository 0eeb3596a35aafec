#include "experiment/schedule.h"

namespace whet::experiment {

std::vector<PlannedRun> make_schedule(size_t n_tasks, size_t n_seeds, size_t n_strategies,
                                      size_t n_controls) {
  std::vector<PlannedRun> runs;
  runs.reserve(n_tasks * n_seeds * (n_strategies + n_controls));
  for (size_t task = 0; task < n_tasks; ++task) {
    const auto add_rounds = [&](size_t first_row, size_t n_rows) {
      for (size_t seed = 0; seed < n_seeds; ++seed) {
        for (size_t i = 0; i < n_rows; ++i) {
          runs.push_back({task, seed, first_row + (task + seed + i) % n_rows});
        }
      }
    };
    add_rounds(0, n_strategies);
    add_rounds(n_strategies, n_controls);
  }
  return runs;
}

}  // namespace whet::experiment
