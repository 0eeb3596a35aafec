// Vocabulary of the room: a number with its interval, and the options of a resampling. Pure maths:
// nothing here reads a clock or a file. Missing is std::nullopt, never 0 and never NaN.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "stats/group.h"

namespace whet::stats {

struct Interval {
  double low;
  double high;
};

/// A number with its interval, field for field the "estimate" of docs/results-schema.md.
struct Estimate {
  double value = 0;
  std::optional<Interval> interval;  // missing where the data cannot carry one (n = 1)
  double level = 0.95;
  std::string method;  // how the interval was made, as a person would say it
  int64_t n = 0;       // independent units behind it: tasks or groups of them, not repetitions
};

/// Repeated measurements by task: one inner vector per task, one value per repetition (seed).
/// Tasks are independent; repetitions of one task are not. A task may have none.
using Clusters = std::vector<std::vector<double>>;

/// The same task measured twice.
struct PairedTask {
  std::vector<double> baseline;
  std::vector<double> strategy;
  int64_t group = kOwnGroup;  // tasks of equal numbers are drawn together
};
using PairedTasks = std::vector<PairedTask>;

struct BootstrapOptions {
  double level = 0.95;
  int n_resamples = 10000;
  uint64_t seed = 0;
};

}  // namespace whet::stats
