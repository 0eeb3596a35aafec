// A results document (docs/results-schema.md) as the renderers see it: checked, typed, missing is
// std::nullopt. Strings are valid UTF-8 but otherwise untrusted; each renderer escapes for itself.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "stats/estimate.h"

namespace whet::report {

using stats::Estimate;

struct Difference {
  Estimate estimate;
  std::optional<double> p;
  std::string against;  // name of the control; empty for the baseline
};

struct Spent {  // tokens or calls
  std::optional<int64_t> total;
  std::optional<double> per_task;
};

struct Latency {
  Estimate median;
  std::optional<double> p95;
};

struct FamilyResult {
  std::string family;
  std::optional<int64_t> n_tasks, n_runs, n_graded, n_correct;
  std::optional<Estimate> accuracy;
  std::optional<Difference> difference;
};

enum class StrategyKind { kBaseline, kStrategy, kControl };
std::string_view strategy_kind_name(StrategyKind kind);

enum class VerdictKind { kPays, kDoesNotPay, kNoDifference, kCannotTell };
struct Verdict {
  VerdictKind kind;
  std::string label;                      // as written in the document
  std::string reason;                     // one sentence
  std::optional<double> detectable_gain;  // accuracy that this n would have shown
};

struct StrategyResult {
  std::string name;
  std::string label;  // never empty; `name` where the document has none
  StrategyKind kind = StrategyKind::kStrategy;
  std::string description;
  std::vector<std::string> controls;
  std::vector<std::pair<std::string, std::string>> options;
  std::optional<int64_t> n_tasks, n_runs, n_graded, n_not_graded, n_correct, n_truncated;
  std::optional<int64_t> n_strict, n_fell_back;
  std::vector<std::pair<std::string, int64_t>> not_graded;  // reason, count
  std::optional<Estimate> accuracy, strict_accuracy;
  std::vector<FamilyResult> families;
  std::optional<Difference> difference_to_baseline, difference_to_control;
  Spent prompt_tokens, completion_tokens, calls;
  std::optional<Latency> latency_s, first_token_s;
  std::optional<Estimate> generation_tok_s, cost_ratio_tokens, cost_ratio_time;
  std::optional<Estimate> total_ratio_tokens, total_ratio_time;
  std::optional<double> other_cpus, stolen_cpus;
  std::optional<int64_t> peak_rss_bytes, kv_bytes;
  std::optional<Estimate> auroc, oracle_accuracy;
  std::optional<Verdict> verdict;
};

enum class GradeStatus { kCorrect, kWrong, kNotGraded };

struct Candidate {
  std::string stage, text, finish, answer, reason;  // empty = missing
  std::optional<int64_t> tokens;
  std::optional<double> logprob, score;
  bool eligible = true;
  bool chosen = false;
};

struct Event {
  std::string strategy, task, family, question, reference, answer, error, grade_detail;
  std::string seed;  // empty = missing
  std::optional<int64_t> start_ns, first_token_ns, end_ns;
  std::optional<int64_t> prompt_tokens, completion_tokens, n_calls;
  std::vector<Candidate> candidates;
  GradeStatus grade = GradeStatus::kNotGraded;
  bool differs_from_baseline = false;  // one of the two is right on this task and seed
};

/// A heading and its facts, in reading order, ready to print: ("CPU", "…"). Missing facts are left
/// out, so nothing here says 0 for unknown.
struct FactGroup {
  std::string heading;
  std::vector<std::pair<std::string, std::string>> facts;
};

struct Document {
  std::string title, created;
  std::vector<std::string> command;
  std::vector<FactGroup>
      facts;  // program, machine, model, sampling, tasks, limits, sandbox, design
  std::string model_name, machine_name;
  std::string baseline;
  std::vector<std::string> seeds;  // text: they may need 64 bits unsigned
  std::optional<int64_t> n_tasks, n_planned, n_done;
  std::optional<double> level, min_gain, min_time_gain, wall_s;
  bool complete = true;
  std::string stop_reason;
  std::vector<std::string> families;  // in display order
  std::vector<StrategyResult> strategies;
  std::vector<std::string> notes;
  std::vector<Event> events;  // those in line; load_document adds those beside it
  std::string events_file;    // relative name; empty if the events are in line
  std::optional<int64_t> n_events;
};

/// Reads schema whet-results/1. Unknown fields are ignored, missing ones are missing.
/// Errors: kInvalidArgument naming the path of the field, as in "strategies[2].accuracy.value:
/// expected a number".
Result<Document> parse_document(const nlohmann::json& json);

/// One line of events.jsonl. Warm-up events and the header give std::nullopt.
Result<std::optional<Event>> parse_event(const nlohmann::json& json);

struct LoadOptions {
  /// -1 = all. Kept are, in turns, runs of each family on which strategy and baseline differ and
  /// runs on which they agree.
  int max_events_per_strategy = 20;
};
/// Reads results.json (or DIR, meaning DIR/results.json) and the events file that it names. An
/// events file that is missing or torn is not an error: the notes say so.
/// Errors: kNotFound, kIo, kInvalidArgument; the message starts with the path.
Result<Document> load_document(const std::string& path, const LoadOptions& options = {});

}  // namespace whet::report
