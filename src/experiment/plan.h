// Plan: everything that decides what an experiment runs and how it is judged. Two runs with equal
// fingerprints produce events that may stand in one record.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "eval/question.h"
#include "generator/generator.h"
#include "results/document.h"
#include "results/event_log.h"

namespace whet::experiment {

using results::FingerprintParts;
using results::ModelInfo;
using results::TaskFile;
using results::WhetInfo;

struct Plan {
  std::string title;
  std::vector<std::string> command;  // argv
  /// Specs for make_strategy. The first baseline among them is what all others are compared to; if
  /// there is none, "baseline" is put in front.
  std::vector<std::string> strategies;
  std::vector<eval::Task> tasks;
  std::vector<TaskFile> task_files;
  std::vector<std::string> wordings = {};  // where each task is asked in each: id and "@" wording
  std::vector<uint64_t> seeds = {0};
  SamplingParams sampling;
  int64_t max_tokens = -1;
  std::string system;
  bool raw_prompt = false;
  std::optional<double> time_limit_s;       // of the whole run
  std::optional<double> task_time_limit_s;  // of one strategy on one task and seed
  /// For each strategy a control row: the baseline given that strategy's median time on the task.
  bool same_time_controls = true;
  std::string control = "baseline-same-time";  // which one; or "vote-same-time"
  bool strategies_on_variants = false;         // run them on each variant too, against its baseline
  int warmup = 1;  // runs of the baseline and of each variant before the first counted one
  bool grade_candidates = true;  // also grade candidates that were not chosen (AUROC, oracle)
  int n_grading_threads = 1;     // never inside a timed region
  double min_gain = 0.02;        // the smallest accuracy gain worth having; used by the verdict
  double min_time_gain = 0.05;   // the smallest share of the time worth saving; the same
  double level = 0.95;
  int n_resamples = 10000;
  uint64_t bootstrap_seed = 0;
  std::string out_dir;
  bool resume = false;
  bool overwrite = false;  // a record in out_dir is removed once all else is known to be right
  WhetInfo whet;
  ModelInfo model;
  std::optional<double> memory_bandwidth_bytes_s;  // measured ceiling, if it was measured
  std::vector<std::string> notes;
};

/// Errors (kInvalidArgument): no task, no seed, a duplicate, a number out of range.
Status check_plan(const Plan& plan);

/// What must be equal for events to be comparable, part by part.
FingerprintParts fingerprint_parts(const Plan& plan, bool has_sandbox);
/// SHA-256 over the parts.
Result<std::string> fingerprint(const FingerprintParts& parts);

}  // namespace whet::experiment
