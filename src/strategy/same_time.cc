// baseline-same-time, the control: what a user without any strategy gets from the same time. He
// asks again, one draw after the other, until the time is used up, and keeps the answer that the
// model was surest of (highest mean logprob).
#include <fmt/format.h>

#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

constexpr size_t kMaxDraws = 1000;

class SameTime : public Strategy {
 public:
  Kind kind() const override { return Kind::kControl; }
  std::string description() const override {
    return "The baseline, drawn one after the other for as long as the strategy takes; the draw "
           "with the highest mean logprob.";
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    if (context.time_budget_ns <= 0) {
      return Error(ErrorCode::kInvalidArgument,
                   "baseline-same-time needs the time of another strategy; it runs in an "
                   "experiment only");
    }
    Session session(question, generator, context);
    const int64_t end_ns = context.now_ns() + context.time_budget_ns;
    // The first draw always ends: the baseline itself costs that much. A later one that does not
    // fit is cut off and cannot be chosen, but its tokens count. Greedy draws would all be equal.
    const size_t max_draws = context.sampling.temperature > 0 ? kMaxDraws : 1;
    for (size_t i = 0; i < max_draws; ++i) {
      if (i > 0 && (context.now_ns() >= end_ns || session.out_of_time())) break;
      if (session.cancelled()) break;
      SamplingParams draw = context.sampling;
      draw.seed = sample_seed(context.seed, i);
      WHET_TRY_STATUS(session.sample({draw}, "sample", false, i > 0 ? end_ns : 0));
    }
    return session.finish(
        [](std::vector<Candidate>& candidates, const std::vector<size_t>& among) {
          Selection selection = select_by_logprob(candidates, among);
          selection.how += fmt::format(" of {} draws", candidates.size());
          return selection;
        },
        /*greedy_fallback=*/false);
  }
};

}  // namespace

std::unique_ptr<Strategy> make_same_time(OptionReader&) {
  return std::make_unique<SameTime>();
}

}  // namespace whet::strategy
