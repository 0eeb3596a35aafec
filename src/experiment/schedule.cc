#include "experiment/schedule.h"

#include <algorithm>
#include <map>
#include <tuple>

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

std::vector<size_t> interleave_families(const std::vector<std::string>& family_of_task) {
  struct Family {
    size_t first;  // index of its first task
    size_t n_tasks = 0;
  };
  std::map<std::string, Family> families;
  std::vector<std::tuple<size_t, size_t, size_t>> keys;  // rank in its family, family, task
  for (size_t task = 0; task < family_of_task.size(); ++task) {
    Family& family = families.try_emplace(family_of_task[task], Family{task}).first->second;
    keys.emplace_back(family.n_tasks++, family.first, task);
  }
  std::sort(keys.begin(), keys.end());
  std::vector<size_t> order;
  for (const auto& key : keys) order.push_back(std::get<2>(key));
  return order;
}

}  // namespace whet::experiment
