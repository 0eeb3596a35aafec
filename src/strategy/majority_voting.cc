// majority-voting: N samples of one batch, the most frequent extracted answer. For code a vote is
// for a behaviour on the public examples, or for a program where examples cannot be run.
// `batch` draws fewer at a time, down to one: the same texts, for what batching itself buys.
// It ends as soon as the rest cannot change the winner, unless `early` is 0. Steps and defaults
// follow optillm's majority_voting, without its fall-back to the whole text.
#include <fmt/format.h>

#include <algorithm>

#include "strategy/early_end.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class MajorityVoting : public Strategy {
 public:
  MajorityVoting(int64_t n, int64_t batch, std::optional<double> temperature, bool early)
      : n_(n),
        batch_(batch == 0 ? n : std::min(batch, n)),
        temperature_(temperature),
        end_(early ? EndRule::kVote : EndRule::kNever) {}

  std::string description() const override {
    return fmt::format("{} samples, {}, the most frequent extracted answer.", n_,
                       batch_ == n_ ? "in one batch" : fmt::format("{} at a time", batch_));
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = temperature_.value_or(context.sampling.temperature);
    EarlyEnd early(session, end_, static_cast<size_t>(n_));
    for (int64_t begin = 0; begin < n_ && !early.decided(); begin += batch_) {
      const auto n = static_cast<size_t>(std::min(batch_, n_ - begin));
      WHET_TRY_STATUS(early.draw(session.draws(n, temperature)));
    }
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      if (eval::is_code(question.kind)) {
        score_by_examples(question, context, candidates, among, &early.runs());
      }
      Selection selection = select_by_vote(candidates, among);
      selection.how += early.note();
      return selection;
    });
  }

 private:
  int64_t n_;
  int64_t batch_;  // samples of one request
  std::optional<double> temperature_;
  EndRule end_;
};

}  // namespace

std::unique_ptr<Strategy> make_majority_voting(OptionReader& options) {
  const int64_t n = options.integer("n", 8, 1, 256);
  const int64_t batch = options.integer("batch", 0, 0, 256);
  const auto temperature = options.temperature("temperature", 0.6);
  return std::make_unique<MajorityVoting>(n, batch, temperature, options.flag("early", true));
}

}  // namespace whet::strategy
