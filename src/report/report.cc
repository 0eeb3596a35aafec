#include "report/report.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "report/text.h"
#include "results/codec.h"

namespace whet::report {
namespace {

/// Where a run stands among those of its strategy, as far as choosing traces goes.
struct TraceKey {
  int round;     // how many runs of its family that differ (or agree) alike come before it
  bool agrees;   // with the baseline
  size_t index;  // in the file

  auto operator<=>(const TraceKey&) const = default;
};

/// By row that is compared to another one than the design's baseline: which.
using Against = std::map<std::string, std::string>;

/// Marks the runs on which strategy and baseline differ and keeps `limit` of each strategy: the
/// first that differs of each family, the first that agrees, the second that differs, ...
std::vector<Trace> chosen_traces(std::vector<Trace> events, const std::string& baseline,
                                 const Against& against, int limit) {
  using Run = std::tuple<std::string, std::string, uint64_t>;  // row, task, seed
  std::map<Run, eval::GradeStatus> grades;
  for (const Trace& event : events) {
    grades[{event.strategy, event.task, event.seed}] = event.grade;
  }
  std::set<Run> contested;
  for (Trace& event : events) {
    const auto other = against.find(event.strategy);
    const auto found =
        grades.find({other == against.end() ? baseline : other->second, event.task, event.seed});
    if (found == grades.end() || event.grade == found->second) continue;
    if (event.grade == eval::GradeStatus::kNotGraded ||
        found->second == eval::GradeStatus::kNotGraded)
      continue;
    event.differs_from_baseline = true;
    contested.insert(found->first);
  }
  std::map<std::string, std::vector<TraceKey>> by_strategy;
  std::map<std::tuple<std::string, std::string, bool>, int> rounds;
  for (size_t i = 0; i < events.size(); ++i) {
    const Trace& event = events[i];
    const bool agrees = !event.differs_from_baseline &&
                        !contested.contains({event.strategy, event.task, event.seed});
    const int round = rounds[{event.strategy, event.family, agrees}]++;
    by_strategy[event.strategy].push_back({round, agrees, i});
  }
  std::vector<Trace> chosen;
  for (auto& [strategy, keys] : by_strategy) {
    std::sort(keys.begin(), keys.end());
    if (limit >= 0 && keys.size() > static_cast<size_t>(limit))
      keys.resize(static_cast<size_t>(limit));
    for (const TraceKey& key : keys) chosen.push_back(std::move(events[key.index]));
  }
  return chosen;
}

/// What a model or a user wrote keeps its lines; all else is one.
bool has_lines(std::string_view key) {
  for (const char* known : {"question", "reference", "answer", "error", "text"}) {
    if (key == known) return true;
  }
  return false;
}

void clean(std::string_view key, std::string& text) {
  text = has_lines(key) ? printable(text) : one_line(text);
}

/// Families in the order of the tasks, then any others that a strategy names.
std::vector<std::string> families_of(const results::Document& document) {
  std::vector<std::string> families;
  const auto add = [&](const std::string& name) {
    if (!name.empty() && std::find(families.begin(), families.end(), name) == families.end())
      families.push_back(name);
  };
  for (const auto& family : document.tasks.families) add(family.name);
  for (const auto& strategy : document.strategies)
    for (const auto& family : strategy.families) add(family.family);
  return families;
}

}  // namespace

Report make_report(results::Document document, const TraceOptions& options) {
  std::vector<Trace> runs;
  for (results::Event& event : document.events) {
    if (!event.warmup) runs.push_back({std::move(event), false});
  }
  Against against;
  for (const StrategyResult& row : document.strategies) {
    if (!row.against.empty()) against[row.name] = row.against;
  }
  runs =
      chosen_traces(std::move(runs), document.design.baseline, against, options.max_per_strategy);
  document.events.clear();
  for (Trace& run : runs) document.events.push_back(std::move(run));
  results::visit_texts(document, clean);
  Report report{std::move(document), {}, std::move(runs)};
  for (size_t i = 0; i < report.traces.size(); ++i) {
    static_cast<results::Event&>(report.traces[i]) = std::move(report.events[i]);
  }
  report.events.clear();
  report.families = families_of(report);
  return report;
}

}  // namespace whet::report
