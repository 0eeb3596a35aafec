#include "experiment/quantity.h"

namespace whet::experiment {

using results::Event;
using stats::PairedTasks;

std::map<std::string, Events> by_task(const Events& events) {
  std::map<std::string, Events> tasks;
  for (const Event* event : events) tasks[event->task].push_back(event);
  return tasks;
}

std::vector<double> values_of(const Events& events, const Quantity& quantity) {
  std::vector<double> values;
  for (const Event* event : events) {
    if (const auto value = quantity(*event)) values.push_back(*value);
  }
  return values;
}

int64_t GroupNumbers::of(const Event& event) {
  if (event.group.empty()) return stats::kOwnGroup;
  return numbers_.emplace(event.group, static_cast<int64_t>(numbers_.size())).first->second;
}

PairedTasks paired(const Events& baseline, const Events& strategy, const Quantity& of_baseline,
                   const Quantity& of_strategy) {
  const std::map<std::string, Events> before = by_task(baseline);
  PairedTasks pairs;
  GroupNumbers numbers;
  for (const auto& [task, runs] : by_task(strategy)) {
    const auto found = before.find(task);
    if (found == before.end()) continue;
    stats::PairedTask pair{values_of(found->second, of_baseline), values_of(runs, of_strategy)};
    pair.group = numbers.of(*runs.front());
    if (!pair.baseline.empty() && !pair.strategy.empty()) pairs.push_back(std::move(pair));
  }
  return pairs;
}

PairedTasks paired(const Events& baseline, const Events& strategy, const Quantity& quantity) {
  return paired(baseline, strategy, quantity, quantity);
}

std::optional<double> correctness(const Event& event) {
  if (!event.graded()) return std::nullopt;
  return event.correct() ? 1.0 : 0.0;
}

std::optional<double> strictness(const Event& event) {
  if (!event.graded()) return std::nullopt;
  return event.correct() && event.strict ? 1.0 : 0.0;
}

std::optional<double> latency(const Event& event) {
  if (event.error) return std::nullopt;
  return event.latency_s();
}

std::optional<double> tokens(const Event& event) {
  if (event.error) return std::nullopt;
  return static_cast<double>(event.prompt_tokens + event.completion_tokens);
}

}  // namespace whet::experiment
