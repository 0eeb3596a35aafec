// Report: a results document made ready for the renderers. Its texts are clean (valid UTF-8, no
// control characters) but otherwise untrusted: each renderer escapes for itself.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/technique_table.h"
#include "results/document.h"

namespace whet::report {

using results::Difference;
using results::Estimate;
using results::FamilyResult;
using results::StrategyKind;
using results::StrategyResult;
using results::VerdictLabel;

/// A run to show.
struct Trace : results::Event {
  bool differs_from_baseline = false;  // one of the two is right on this task and seed
};

/// A heading and its facts, in reading order, ready to print: ("CPU", "…"). Missing facts are left
/// out, so nothing here says 0 for unknown.
struct FactGroup {
  std::string heading;
  std::vector<std::pair<std::string, std::string>> facts;
};

struct Report : results::Document {
  std::vector<std::string> families;       // in display order
  std::vector<Trace> traces;               // chosen among the events, of which none is left
  std::vector<TechniqueRow> techniques{};  // of whet compare, else none
};

struct TraceOptions {
  /// -1 = all. Kept are, in turns, runs of each family on which strategy and baseline differ and
  /// runs on which they agree.
  int max_per_strategy = 20;
};
Report make_report(results::Document document, const TraceOptions& options = {});

/// Program, machine, model, sampling, tasks, limits, sandbox, design.
std::vector<FactGroup> facts_of(const Report& report);

}  // namespace whet::report
