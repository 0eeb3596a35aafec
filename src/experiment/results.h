// The results document, schema whet-results/1 (docs/results-schema.md).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "experiment/metrics.h"
#include "experiment/plan.h"

namespace whet::experiment {

/// What a run adds to its plan.
struct RunStatus {
  bool complete = false;
  int64_t n_planned = 0;
  int64_t n_done = 0;
  double wall_s = 0;
  std::optional<std::string> stop_reason;
  double load_average = 0;  // at the start
};

struct SandboxStatus {
  bool available = false;
  std::string reason;  // why not
  std::string limits;  // what it bounds, where it is available
};

struct EventsFile {
  std::string file;  // relative to the document
  int64_t n = 0;
  std::string sha256;
};

nlohmann::json results_document(const Plan& plan, const std::vector<Summary>& summaries,
                                const MetricOptions& metrics, const RunStatus& status,
                                const SandboxStatus& sandbox, const EventsFile& events);

}  // namespace whet::experiment
