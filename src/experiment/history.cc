#include "experiment/history.h"

#include "experiment/batch_times.h"
#include "stats/sample.h"

namespace whet::experiment {

void History::remember(const results::Event& event) {
  if (event.warmup) return;
  done_.insert({event.strategy, event.task, event.seed});
  if (event.error) return;
  // Steps and all: what was drawn is what was spent.
  const auto first = event.candidates.empty() ? std::nullopt : event.candidates[0].logprob;
  budgets_[{event.strategy, event.seed}].note(first, event.candidates.size());
  const auto time = static_cast<double>(event.end_ns - event.start_ns);
  times_[{event.strategy, event.task}].push_back(time);
  if (event.n_calls == 1 && event.candidates.size() > 1) {
    batches_.push_back({event.strategy, event.task, event.candidates.size(), time});
  }
}

std::optional<int64_t> History::median_ns(const std::string& row, const std::string& task) const {
  const auto times = times_.find({row, task});
  if (times == times_.end()) return std::nullopt;
  return static_cast<int64_t>(*stats::median(times->second));
}

size_t History::n_in_time(const Line& line, const results::Row& timed, const std::string& task,
                          int64_t time_ns) const {
  const std::string& baseline = line.baseline_of(timed);
  const auto single_ns = median_ns(baseline, task);
  if (!single_ns || *single_ns <= 0) return 1;
  std::map<std::string, bool> shares_baseline;
  for (const Runner& runner : line.runners) {
    const results::Row& asks = runner.time_of ? line.runners[*runner.time_of].row : runner.row;
    shares_baseline[runner.row.name] = line.baseline_of(asks) == baseline;
  }
  BatchTimes known;
  for (const Batch& batch : batches_) {
    const auto single = median_ns(baseline, batch.task);
    if (!single || *single <= 0 || !shares_baseline[batch.row]) continue;
    known.note(batch.n, batch.time_ns / static_cast<double>(*single));
  }
  return known.n_within(static_cast<double>(time_ns) / static_cast<double>(*single_ns));
}

}  // namespace whet::experiment
