// History: what a later run of an experiment needs to know of those before it, whether they ran in
// this process or stand in the record of an earlier one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "experiment/line.h"
#include "results/event.h"
#include "strategy/run_budget.h"

namespace whet::experiment {

class History {
 public:
  /// Warm-ups leave nothing behind; a run that ended in an error only that it was.
  void remember(const results::Event& event);

  bool contains(const std::string& row, const std::string& task, uint64_t seed) const {
    return done_.contains({row, task, seed});
  }
  size_t n_done() const { return done_.size(); }

  /// What row and seed have spent so far.
  strategy::RunBudget& budget(const std::string& row, uint64_t seed) {
    return budgets_[{row, seed}];
  }

  /// Median time that `row` took on this task over its seeds; none if it never finished.
  std::optional<int64_t> median_ns(const std::string& row, const std::string& task) const;

  /// Samples of one batch that are expected to end in this time, as batches of rows with the same
  /// baseline have done so far.
  size_t n_in_time(const Line& line, const results::Row& timed, const std::string& task,
                   int64_t time_ns) const;

 private:
  struct Batch {
    std::string row, task;
    size_t n;
    double time_ns;
  };

  std::set<std::tuple<std::string, std::string, uint64_t>> done_;             // row, task, seed
  std::map<std::pair<std::string, std::string>, std::vector<double>> times_;  // ns, by row, task
  std::vector<Batch> batches_;  // runs that were one request
  std::map<std::pair<std::string, uint64_t>, strategy::RunBudget> budgets_;  // by row and seed
};

}  // namespace whet::experiment
