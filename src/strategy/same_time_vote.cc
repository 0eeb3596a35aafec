// vote-same-time, a control: what a plain vote gets from the same time. As many samples as a batch
// can hold that ends in that time, all at once, and the usual rule without running code.
#include <fmt/format.h>

#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class SameTimeVote : public Strategy {
 public:
  Kind kind() const override { return Kind::kControl; }
  std::string description() const override {
    return "The baseline, drawn in one batch of as many samples as end in the time that the "
           "strategy takes, and voted.";
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    if (context.time_budget_ns <= 0 || context.n_in_time == 0) {
      return Error(ErrorCode::kInvalidArgument,
                   "vote-same-time needs the time of another strategy; it runs in an experiment "
                   "only");
    }
    Session session(question, generator, context);
    const int64_t end_ns = context.now_ns() + context.time_budget_ns;
    const double temperature = context.sampling.temperature;
    // Greedy samples would all be equal.
    const size_t n = temperature > 0 ? context.n_in_time : 1;
    // The first to end always does: the baseline itself costs that much. What does not fit after it
    // is cut off and has no vote, but its tokens count.
    bool any_ended = false;
    const auto watch = [&](const GenerateEvent& event) {
      any_ended |= event.finish.has_value();
      return any_ended && context.now_ns() > end_ns ? Continue::kEndRequest : Continue::kYes;
    };
    WHET_TRY_STATUS(session.ask({.samples = session.draws(n, temperature),
                                 .watch = watch,
                                 .ended_why = "ended: the time was up"}));
    return session.finish(
        [&](std::vector<Candidate>& candidates, const std::vector<size_t>& among) {
          // Running code is part of what a strategy brings.
          Selection selection = eval::is_code(question.kind)
                                    ? select_by_logprob(candidates, among)
                                    : select_as_usual(question, context, candidates, among);
          selection.how += fmt::format(" of {} draws", candidates.size());
          return selection;
        },
        /*greedy_fallback=*/false);
  }
};

}  // namespace

std::unique_ptr<Strategy> make_same_time_vote(OptionReader&) {
  return std::make_unique<SameTimeVote>();
}

}  // namespace whet::strategy
