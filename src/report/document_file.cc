// load_document: results.json and the events file beside it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "report/document.h"
#include "report/text.h"

namespace whet::report {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path) {
  std::error_code code;
  if (!fs::exists(path, code)) return Error(ErrorCode::kNotFound, "no such file");
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) return Error(ErrorCode::kIo, "cannot be read");
  return std::move(content).str();
}

/// Where a run stands among those of its strategy, as far as choosing traces goes.
struct TraceKey {
  int round;     // how many runs of its family that differ (or agree) alike come before it
  bool agrees;   // with the baseline
  size_t index;  // in the file

  auto operator<=>(const TraceKey&) const = default;
};

/// Marks the runs on which strategy and baseline differ and keeps `limit` of each strategy: the
/// first that differs of each family, the first that agrees, the second that differs, ...
std::vector<Event> chosen_traces(std::vector<Event> events, const std::string& baseline,
                                 int limit) {
  using Run = std::pair<std::string, std::string>;  // task, seed
  std::map<Run, GradeStatus> of_baseline;
  for (const Event& event : events) {
    if (event.strategy == baseline) of_baseline[{event.task, event.seed}] = event.grade;
  }
  std::set<Run> contested;
  for (Event& event : events) {
    const auto found = of_baseline.find({event.task, event.seed});
    if (found == of_baseline.end() || event.grade == found->second) continue;
    if (event.grade == GradeStatus::kNotGraded || found->second == GradeStatus::kNotGraded)
      continue;
    event.differs_from_baseline = true;
    contested.insert(found->first);
  }
  std::map<std::string, std::vector<TraceKey>> by_strategy;
  std::map<std::tuple<std::string, std::string, bool>, int> rounds;
  for (size_t i = 0; i < events.size(); ++i) {
    const Event& event = events[i];
    const bool agrees = event.strategy == baseline ? !contested.contains({event.task, event.seed})
                                                   : !event.differs_from_baseline;
    const int round = rounds[{event.strategy, event.family, agrees}]++;
    by_strategy[event.strategy].push_back({round, agrees, i});
  }
  std::vector<Event> chosen;
  for (auto& [strategy, keys] : by_strategy) {
    std::sort(keys.begin(), keys.end());
    if (limit >= 0 && keys.size() > static_cast<size_t>(limit))
      keys.resize(static_cast<size_t>(limit));
    for (const TraceKey& key : keys) chosen.push_back(std::move(events[key.index]));
  }
  return chosen;
}

/// Adds events of each strategy; what went wrong becomes a note.
void read_events(const fs::path& path, const LoadOptions& options, Document& doc) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    doc.notes.push_back("The raw events are not beside this document, so no traces are shown.");
    return;
  }
  std::vector<Event> events;
  int64_t n_bad = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_discarded()) {
      ++n_bad;
      continue;
    }
    auto event = parse_event(json);
    if (!event.ok()) {
      ++n_bad;
    } else if (event->has_value()) {
      events.push_back(std::move(*event.value()));
    }
  }
  doc.events = chosen_traces(std::move(events), doc.baseline, options.max_events_per_strategy);
  if (n_bad > 0)
    doc.notes.push_back(fmt::format("{} lines of the events file could not be read.", n_bad));
}

}  // namespace

Result<Document> load_document(const std::string& path, const LoadOptions& options) {
  fs::path file = path;
  std::error_code code;
  if (fs::is_directory(file, code)) file /= "results.json";
  const std::string shown = one_line(file.string());
  auto content = read_file(file);
  if (!content.ok()) return content.error().with_context(shown);
  const auto json = nlohmann::json::parse(*content, nullptr, false);
  if (json.is_discarded())
    return Error(ErrorCode::kInvalidArgument, "not a JSON document").with_context(shown);
  auto document = parse_document(json);
  if (!document.ok()) return document.error().with_context(shown);
  // Only a plain name beside results.json: a document from elsewhere must not make us open others.
  const fs::path name = document->events_file;
  if (!name.empty() && name == name.filename())
    read_events(file.parent_path() / name, options, *document);
  return document;
}

}  // namespace whet::report
