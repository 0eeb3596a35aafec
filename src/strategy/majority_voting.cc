// majority-voting: N samples of one batch, the most frequent extracted answer. For code a vote is
// for a behaviour on the public examples, or for a program where examples cannot be run.
// Steps and defaults follow optillm's majority_voting, without its fall-back to the whole text.
#include <fmt/format.h>

#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class MajorityVoting : public Strategy {
 public:
  MajorityVoting(int64_t n, std::optional<double> temperature) : n_(n), temperature_(temperature) {}

  std::string description() const override {
    return fmt::format("{} samples in one batch, the most frequent extracted answer.", n_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = temperature_.value_or(context.sampling.temperature);
    const std::vector<double> temperatures(static_cast<size_t>(n_), temperature);
    WHET_TRY_STATUS(session.sample(session.draws(temperatures)));
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      if (eval::is_code(question.kind)) score_by_examples(question, context, candidates, among);
      return select_by_vote(candidates, among);
    });
  }

 private:
  int64_t n_;
  std::optional<double> temperature_;
};

}  // namespace

std::unique_ptr<Strategy> make_majority_voting(OptionReader& options) {
  const int64_t n = options.integer("n", 8, 1, 256);
  return std::make_unique<MajorityVoting>(n, options.temperature("temperature", 0.6));
}

}  // namespace whet::strategy
