// Quantity: what is measured of a run, and how the runs of two arms are paired.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "results/event.h"
#include "stats/estimate.h"

namespace whet::experiment {

using Events = std::vector<const results::Event*>;
/// None where the run has none.
using Quantity = std::function<std::optional<double>(const results::Event&)>;

/// 1 or 0; none of a run that was not graded.
std::optional<double> correctness(const results::Event& event);
/// The same counting only answers marked as asked.
std::optional<double> strictness(const results::Event& event);
/// Seconds; none of a run that an error ended.
std::optional<double> latency(const results::Event& event);
/// Prompt and completion, all calls; none of a run that an error ended.
std::optional<double> tokens(const results::Event& event);

std::map<std::string, Events> by_task(const Events& events);
std::vector<double> values_of(const Events& events, const Quantity& quantity);

/// Numbers for the names of groups of tasks, as stats knows them.
class GroupNumbers {
 public:
  /// stats::kOwnGroup where the task is on its own.
  int64_t of(const results::Event& event);

 private:
  std::map<std::string, int64_t> numbers_;
};

/// The tasks that both arms have a value for.
stats::PairedTasks paired(const Events& baseline, const Events& strategy,
                          const Quantity& of_baseline, const Quantity& of_strategy);
stats::PairedTasks paired(const Events& baseline, const Events& strategy, const Quantity& quantity);

}  // namespace whet::experiment
