// Document: the results of an experiment, field for field docs/results-schema.md. `experiment`
// fills it, `report` renders it, codec.h turns it into JSON and back. Missing is std::nullopt or
// an empty text, never 0.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "results/event.h"
#include "stats/accuracy.h"
#include "stats/estimate.h"

namespace whet::results {

using stats::Estimate;

/// Names and values; one that reads as a number is a number in JSON.
struct Settings : std::map<std::string, std::string> {
  using map::map;
};

/// What the program is.
struct WhetInfo {
  std::string version;
  std::optional<std::string> commit;
  std::optional<bool> dirty;
  std::string compiler;
  std::string flags;
  std::string build_type;
  std::string isa;
  std::optional<int64_t> threads;
};

/// What answers; a remote model leaves out what it cannot know.
struct ModelInfo {
  std::string path;  // as given on the command line
  std::string name;
  std::optional<std::string> architecture;
  std::optional<int64_t> n_parameters;
  std::optional<std::string> type;  // "Q4_K"
  std::optional<int64_t> size_bytes;
  std::optional<std::string> sha256;
  std::optional<int64_t> context_tokens;
  std::string cache_type;  // of cached keys and values, "f16"
  std::string arithmetic;  // "quantised" or "exact" activations
  std::string weights;     // where they lie: weight_storage_name()
  std::optional<std::string> chat_template;
  std::string endpoint;
};

struct MachineDescription {
  std::string cpu;
  std::optional<int64_t> n_physical_cores, n_logical_cores;
  std::optional<double> cpu_quota;  // cores that the cgroup grants
  std::optional<int64_t> memory_bytes;
  std::string kernel, os;
  std::optional<double> load_average;  // 1 minute, at the start
  std::optional<double> memory_bandwidth_bytes_s;
};

struct Progress {
  bool complete = true;
  std::optional<int64_t> n_planned, n_done;  // events
  std::optional<double> wall_s;
  std::string stop_reason;
  /// n_done of each time that numbers were made of this record, in order, this time the last.
  std::vector<int64_t> looks{};
};

struct TaskFile {
  std::string name;
  std::string path;
  std::optional<std::string> sha256;
  std::optional<int64_t> n_tasks;
};

struct FamilySize {
  std::string name;
  std::optional<int64_t> n_tasks;
};

struct Tasks {
  std::optional<int64_t> n_tasks;
  std::vector<TaskFile> files;
  std::vector<FamilySize> families;  // in display order
};

struct Limits {
  std::optional<int64_t> max_tokens;  // per completion
  std::optional<int64_t> context_tokens;
  std::optional<double> time_s, time_per_task_s;
};

struct SandboxStatus {
  bool available = false;
  std::string kind;
  std::string reason;  // why not
  std::string limits;  // what it bounds, where it is available
};

struct Design {
  std::string baseline;  // name of the row that all others are compared to
  std::optional<double> level;
  std::optional<int64_t> n_resamples;
  std::optional<uint64_t> bootstrap_seed;
  std::string order;
  std::string correction;
  std::optional<double> min_gain, min_time_gain;
  std::optional<int64_t> warmup;
  std::optional<double> alpha;  // what all verdicts of this look may err together
  std::string control;          // slug of the control strategy; "" = there are no controls
  std::string system{};         // system message of every question; "" = none
};

enum class StrategyKind { kBaseline, kStrategy, kControl };
/// "baseline", "strategy", "control".
std::string_view strategy_kind_name(StrategyKind kind);

struct Difference : stats::Difference {
  std::string control;  // what it is against; "" = the baseline
};

struct Totals {
  std::optional<int64_t> total;
  std::optional<double> per_task;  // mean per run
};

struct Latency {
  Estimate median;
  std::optional<double> p95;
  std::optional<double> mean;
};

struct FamilyResult {
  std::string family;
  std::optional<int64_t> n_tasks, n_runs, n_graded, n_correct;
  std::optional<Estimate> accuracy;
  std::optional<Difference> difference_to_baseline;
};

struct Scores {
  std::optional<Estimate> auroc;
  std::optional<int64_t> n_candidates;
  std::optional<Estimate> oracle_accuracy;
};

struct NotGraded {
  std::string reason;
  std::optional<int64_t> n;
};

enum class VerdictLabel { kPays, kDoesNotPay, kNoDifference, kCannotTell };
/// "pays", "does not pay", "makes no difference", "cannot tell at this n".
std::string_view verdict_label_name(VerdictLabel label);

/// What a verdict can rest on, with d the accuracy gain over the baseline, c the gain over the
/// same-time control (where there is one) and r the ratio of times.
enum class Claim {
  kNoGain,             // slower, and d is below the smallest gain worth having
  kNoGainAtEqualTime,  // slower, and c is below it
  kBetter,             // d > 0 and c > 0
  kFaster,             // faster, and no loss as large as the smallest gain
  kEqual,              // neither accuracy nor time differs by what would matter
  kWorse,              // d < 0
};
inline constexpr int kNClaims = 6;
/// "no gain", "no gain at equal time", "better", "faster", "equal", "worse".
std::string_view claim_name(Claim claim);

struct ClaimTest {
  Claim claim = Claim::kNoGain;
  double p = 1;           // one-sided; of several conditions the largest
  double p_adjusted = 1;  // over all claims on all strategies
};

struct Verdict {
  VerdictLabel label = VerdictLabel::kCannotTell;
  std::optional<Claim> claim;       // that decided
  std::string reason;               // one sentence with the numbers that decided
  std::vector<ClaimTest> claims{};  // every claim that could be tested
  /// The accuracy gain over the baseline that this experiment would have shown with a chance of
  /// 80 %, were the spread as it was found.
  std::optional<double> detectable_gain{};
};

/// A row of the document before anything was measured.
struct Row {
  std::string name;
  std::string label;  // for people; "" = the name
  StrategyKind kind = StrategyKind::kStrategy;
  std::vector<std::string> controls;  // for a control: the strategies whose time it was given
  std::string description;
  Settings options;
  std::string against{};  // the row that it is compared to; "" = the design's baseline

  const std::string& title() const { return label.empty() ? name : label; }
};

/// Mean over tasks of a reference metric: likeness to what people wrote, no judgement.
struct MetricMean {
  std::string metric;  // "rougeL"
  std::optional<Estimate> mean;
};

/// What a right answer costs: of all runs, over the right ones.
struct PerCorrect {
  std::optional<double> tokens;  // prompt and completion
  std::optional<double> seconds;
  std::optional<double> token_seconds;  // each run's tokens times its seconds
};

/// Of a single run's outcome (the baseline's) or gain over the baseline's with the same seed.
struct Spread {
  double between_tasks = 0, between_seeds = 0;  // standard deviations
  double seeds_share = 0;  // of the mean's variance: what more seeds could take away
  // Where each task was asked in several wordings: between these, and in how a task takes to one.
  std::optional<double> between_wordings, wordings_by_task;
  std::optional<double> wordings_share;  // what more wordings could take away
};

/// A row, measured. All counts are of runs, but n_tasks.
struct StrategyResult : Row {
  std::optional<int64_t> n_tasks, n_runs, n_graded, n_not_graded, n_correct;
  std::optional<int64_t> n_strict;     // correct by the marked answer alone
  std::optional<int64_t> n_fell_back;  // without an eligible candidate
  std::optional<int64_t> n_truncated;  // the chosen candidate hit a limit of tokens or time
  std::optional<int64_t> n_errors;     // ended by an error of the engine
  std::optional<int64_t> n_cut;        // cut at the token limit and not right
  std::optional<int64_t> n_skipped;    // a later stage of it did not fit into the context
  std::vector<NotGraded> not_graded;   // largest first
  std::optional<Estimate> accuracy, strict_accuracy;
  std::vector<MetricMean> reference_metrics;
  std::vector<FamilyResult> families;
  std::optional<Difference> difference_to_baseline, difference_to_control;
  Totals prompt_tokens, completion_tokens, n_calls;
  std::optional<Latency> latency_s, first_token_s;
  std::optional<Estimate> generation_tok_s;
  std::optional<Estimate> cost_ratio_tokens, cost_ratio_time;
  std::optional<Estimate> total_ratio_tokens, total_ratio_time;
  std::optional<double> other_cpus;   // busy with other programs during the runs, on average
  std::optional<double> stolen_cpus;  // taken by the hypervisor
  std::optional<double> core_clock;   // mean of the runs'
  /// Median over runs that drew the baseline's very text, and more, of their time over the
  /// baseline's, where that is below 1: less time for more work.
  std::optional<double> faster_than_possible;
  std::optional<PerCorrect> per_correct;
  std::optional<Spread> spread;  // none with one seed
  /// Of its gain over the baseline, the baseline's of its accuracy: stats::design_effect. None
  /// where no tasks are drawn together.
  std::optional<double> design_effect;
  std::optional<int64_t> peak_rss_bytes, kv_bytes;
  std::optional<Scores> scores;
  std::optional<Verdict> verdict;  // none for the baseline and for controls
};

struct EventsFile {
  std::string file;  // relative to the document; "" = the events are in line
  std::optional<int64_t> n;
  std::string sha256;
};

struct Document {
  std::string title, created;
  std::vector<std::string> command;
  Progress status;
  WhetInfo whet;
  MachineDescription machine;
  ModelInfo model;
  Settings sampling;
  std::vector<uint64_t> seeds;
  Tasks tasks;
  Limits limits;
  std::optional<SandboxStatus> sandbox;
  Design design;
  std::vector<StrategyResult> strategies;  // in display order, the baseline first
  std::vector<std::string> notes;
  EventsFile events_file;
  std::vector<Event> events;
};

}  // namespace whet::results
