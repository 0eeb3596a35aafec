// What speculation buys: the same requests with and without it, on one engine, taken in turns.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace whet {

struct SpeculationRun {
  double first_token_s = 0;  // from the request
  double decode_s = 0;       // from the first token to the last
  double total_s = 0;
  std::vector<int32_t> tokens;
  SpeculationCounts counts;

  /// Of the tokens behind the first; 0 where there are none.
  double seconds_per_token() const;
};

struct SpeculationRuns {
  std::vector<SpeculationRun> vanilla, speculative;
};

struct SpeculationPlan {
  int iterations = 1;  // rounds of vanilla, speculative, speculative, vanilla
  bool skip_vanilla = false;
};

/// Runs a request as the plan says, after a first token that is not counted, so that all find its
/// prompt in the prefix cache. Calls `on_run` after each.
/// Errors: those of generate(); kInternal where two runs do not give the same tokens, which would
/// be a fault of whet; cancelled.
Result<SpeculationRuns> measure_speculation(Engine& engine, const GenerateRequest& request,
                                            const SpeculationPlan& plan,
                                            const std::function<void()>& on_run,
                                            const CancelFlag* cancel);

struct RowCost {
  int64_t n_rows;
  double over_one;  // time of a step of so many rows of one sequence over that of one row
};

/// Medians of `repetitions` steps behind `depth` positions, of 1 to `most_rows` rows; not all of
/// many. No request may run. Errors: cancelled; more than the context.
Result<std::vector<RowCost>> measure_row_costs(Engine& engine, int64_t depth, int64_t most_rows,
                                               int repetitions, const CancelFlag* cancel);

/// Expected of a run from what was accepted, from row costs measured apart from it, and from the
/// time that drafting took: tokens per time over one token per step of one row. 1 of a run without
/// steps. `seconds_of_one`: of such a step and its sampling.
double predicted_speedup(const SpeculationRun& run, std::span<const RowCost> costs,
                         double seconds_of_one);

}  // namespace whet
