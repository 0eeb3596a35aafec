// ResultsComparison: two results documents, row by row: what changed in accuracy, time and tokens,
// and what else differs between the two, so that a difference is not laid at the wrong door.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "results/document.h"
#include "stats/estimate.h"

namespace whet::experiment {

/// A row that both documents have, on the runs that both have: the same task with the same question
/// and the same seed. B minus A, B over A.
struct RowComparison {
  std::string name;
  int64_t n_tasks = 0;  // with a graded run in common
  int64_t n_runs = 0;   // in common
  std::optional<stats::Difference> accuracy;
  std::optional<stats::Estimate> time_ratio;  // geometric mean over tasks
  std::optional<stats::Estimate> token_ratio;
};

/// One setting that is not the same: "model.type", "Q4_K", "Q8_0".
struct SettingDifference {
  std::string name, a, b;
};

struct ResultsComparison {
  std::vector<RowComparison> rows;          // in the order of A
  std::vector<std::string> only_a, only_b;  // names of rows
  std::vector<SettingDifference> settings;
};

/// Pure; the documents need their events.
ResultsComparison compare(const results::Document& a, const results::Document& b,
                          const stats::BootstrapOptions& options = {});

}  // namespace whet::experiment
