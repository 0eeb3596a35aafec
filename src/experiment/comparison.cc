#include "experiment/comparison.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "experiment/quantity.h"
#include "results/codec.h"
#include "stats/ratio.h"
#include "sys/json_text.h"

namespace whet::experiment {
namespace {

using results::Document;
using results::Event;

/// A task of the same name with another question is another task.
using Run = std::tuple<std::string, std::string, uint64_t>;

Run run_of(const Event& event) {
  return {event.task, event.question, event.seed};
}

std::map<std::string, Events> by_row(const Document& document) {
  std::map<std::string, Events> rows;
  for (const Event& event : document.events) {
    if (!event.warmup) rows[event.strategy].push_back(&event);
  }
  return rows;
}

Events in_common(const Events& events, const Events& others) {
  std::set<Run> runs;
  for (const Event* other : others) runs.insert(run_of(*other));
  Events common;
  for (const Event* event : events) {
    if (runs.contains(run_of(*event))) common.push_back(event);
  }
  return common;
}

RowComparison compare_row(const std::string& name, const Events& a, const Events& b,
                          const stats::BootstrapOptions& options) {
  const Events of_a = in_common(a, b);
  const Events of_b = in_common(b, a);
  RowComparison row;
  row.name = name;
  row.n_runs = static_cast<int64_t>(of_a.size());
  const auto answers = paired(of_a, of_b, correctness);
  row.n_tasks = static_cast<int64_t>(answers.size());
  row.accuracy = stats::estimate_accuracy_difference(answers, options);
  const auto ratio = [&](const Quantity& quantity) {
    return stats::estimate_ratio(paired(of_a, of_b, quantity), stats::RatioOf::kGeometricMeans,
                                 options);
  };
  row.time_ratio = ratio(latency);
  row.token_ratio = ratio(tokens);
  return row;
}

/// The settings of two documents, leaf by leaf.
std::vector<SettingDifference> setting_differences(const Document& a, const Document& b) {
  const auto settings_of = [](const Document& document) {
    const nlohmann::json whole = results::to_json(document);
    nlohmann::json settings;
    for (const char* part :
         {"whet", "machine", "model", "sampling", "seeds", "tasks", "limits", "sandbox", "design"})
      settings[part] = whole[part];
    settings["machine"].erase("load_average");
    std::map<std::string, std::string> leaves;
    const nlohmann::json flat = settings.flatten();
    for (const auto& [pointer, value] : flat.items()) {
      std::string name = pointer.substr(1);
      std::replace(name.begin(), name.end(), '/', '.');
      if (!value.is_null())
        leaves[name] = value.is_string() ? value.get<std::string>() : json_text(value);
    }
    return leaves;
  };
  const auto of_a = settings_of(a);
  const auto of_b = settings_of(b);
  std::set<std::string> names;
  for (const auto& [name, value] : of_a) names.insert(name);
  for (const auto& [name, value] : of_b) names.insert(name);
  std::vector<SettingDifference> differences;
  for (const std::string& name : names) {
    const auto in = [&](const auto& leaves) {
      const auto found = leaves.find(name);
      return found == leaves.end() ? std::string() : found->second;
    };
    if (in(of_a) != in(of_b)) differences.push_back({name, in(of_a), in(of_b)});
  }
  return differences;
}

}  // namespace

ResultsComparison compare(const Document& a, const Document& b,
                          const stats::BootstrapOptions& options) {
  ResultsComparison comparison;
  const auto rows_a = by_row(a);
  const auto rows_b = by_row(b);
  const auto has = [](const Document& document, const std::string& name) {
    return std::any_of(document.strategies.begin(), document.strategies.end(),
                       [&](const auto& row) { return row.name == name; });
  };
  for (const auto& row : a.strategies) {
    if (!has(b, row.name)) {
      comparison.only_a.push_back(row.name);
      continue;
    }
    const auto runs_a = rows_a.find(row.name);
    const auto runs_b = rows_b.find(row.name);
    comparison.rows.push_back(
        compare_row(row.name, runs_a == rows_a.end() ? Events{} : runs_a->second,
                    runs_b == rows_b.end() ? Events{} : runs_b->second, options));
  }
  for (const auto& row : b.strategies) {
    if (!has(a, row.name)) comparison.only_b.push_back(row.name);
  }
  comparison.settings = setting_differences(a, b);
  return comparison;
}

}  // namespace whet::experiment
