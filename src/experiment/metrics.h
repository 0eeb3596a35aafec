// Metrics: every number of a results document, derived from the raw events in this one place. Pure:
// no clock, no file, no model.
#pragma once

#include <string>
#include <vector>

#include "experiment/verdict.h"
#include "results/document.h"
#include "stats/estimate.h"

namespace whet::experiment {

using results::Candidate;
using results::Event;
using results::Row;
using results::StrategyKind;
using results::StrategyResult;

struct MetricOptions {
  std::string baseline;               // name of the row that all others are compared to
  std::vector<std::string> families;  // in display order
  std::vector<std::string> wordings;  // Plan's
  double min_gain = 0.02;
  double min_time_gain = 0.05;
  double alpha = 0.05;                                       // of all verdicts together
  std::string control = "the baseline given the same time";  // what control rows are, in words
  stats::BootstrapOptions bootstrap;
};

/// One result per row, in order. Warm-up events are left out. Accuracies count graded runs, costs
/// all runs that did not end in an error.
std::vector<StrategyResult> summarise(const std::vector<Row>& rows,
                                      const std::vector<Event>& events,
                                      const MetricOptions& options);

}  // namespace whet::experiment
