// Line: the rows of an experiment in the order in which they run: strategies, variants of the
// model, the strategies on these, and the controls.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "experiment/plan.h"
#include "generator/generator.h"
#include "results/document.h"
#include "strategy/strategy.h"

namespace whet::experiment {

/// The baseline on another model, or on the same one run in another way: a row of its own. With
/// Plan::strategies_on_variants the other strategies run on it too, each compared to that row.
struct Variant {
  std::string name;
  std::string label;  // for people; "" = the name
  std::string description;
  Generator* generator = nullptr;
  /// Its runs see what earlier ones left in the cache of prompts; else every run is for itself.
  bool shares_prompts = false;
};

/// A row that runs: a strategy, or the control of one.
struct Runner {
  results::Row row;
  std::shared_ptr<const strategy::Strategy> strategy;
  std::optional<size_t> time_of;   // control: index of the row whose time it is given
  Generator* generator = nullptr;  // null: the experiment's own
  bool shares_prompts = false;     // Variant's
};

struct Line {
  std::vector<Runner> runners;  // strategies, then controls
  size_t n_strategies = 0;
  size_t baseline = 0;

  /// Name of the row that `row` is compared to.
  const std::string& baseline_of(const results::Row& row) const {
    return row.against.empty() ? runners[baseline].row.name : row.against;
  }
};

/// Whether the plan's controls are votes of as many samples as end in the same time.
bool has_vote_controls(const Plan& plan);

/// A baseline stands in front, whether the plan names one or not.
/// Errors: an unknown strategy, a control, a name given twice.
Result<Line> make_line(const Plan& plan, const std::vector<Variant>& variants);

}  // namespace whet::experiment
