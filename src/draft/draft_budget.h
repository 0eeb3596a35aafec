// DraftBudget: whether a draft that costs time of its own is worth beginning, and going on with.
// Times are in steps of one row of the target.
#pragma once

#include <cstdint>

#include "draft/step_cost.h"

namespace whet {

/// What a draft model takes.
struct DraftTimes {
  double first = 0;    // until it has proposed one token
  double further = 0;  // for each more
};

class DraftBudget {
 public:
  /// `acceptance` in (0, 1): of a proposal of the model, as far as is known before it is made.
  DraftBudget(const StepCost& cost, DraftTimes times, double acceptance, int64_t n_most)
      : cost_(cost), times_(times), acceptance_(acceptance), n_most_(n_most) {}

  /// Expected tokens per time over those of steps without proposals, at the best length; below 1
  /// where no draft pays.
  double expected_gain() const;
  /// Whether another token is worth drafting, after one that is drawn with probability `chance` if
  /// all before it are.
  bool go_on(double chance);

 private:
  const StepCost& cost_;
  DraftTimes times_;
  double acceptance_;
  int64_t n_most_;
  int64_t n_drafted_ = 0;
  double all_drawn_ = 1;  // probability that all drafted tokens are drawn
  double tokens_ = 1;     // expected of the step
};

}  // namespace whet
