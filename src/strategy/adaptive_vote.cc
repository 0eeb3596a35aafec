// adaptive-vote: a majority vote that draws in waves and stops when the rest cannot change it, or
// most probably would not; samples that no longer matter are ended while they are generated. With a
// budget for the whole run, questions whose first sample was unsure get more of it. Sources:
// Aggarwal et al., "Let's sample step by step" (2023, the stop rule); the budget follows the idea
// of uncertainty-aware allocation (2026).
#include <fmt/format.h>

#include <algorithm>

#include "strategy/early_end.h"
#include "strategy/makers.h"
#include "strategy/run_budget.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

struct AdaptiveVoteSettings {
  size_t n, wave;
  double confidence, budget;
  std::optional<double> temperature;
};

class AdaptiveVote : public Strategy {
 public:
  explicit AdaptiveVote(const AdaptiveVoteSettings& settings) : s_(settings) {}

  std::string description() const override {
    return fmt::format(
        "Up to {} samples in waves of {}, a vote that stops once more would hardly change it{}.",
        s_.n, s_.wave,
        s_.budget > 0 ? fmt::format("; {} a question over the run, more where the first was unsure",
                                    s_.budget)
                      : "");
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = s_.temperature.value_or(context.sampling.temperature);
    size_t most = s_.n;
    size_t n_drawn = 0;
    std::string why = fmt::format("all {} drawn", most);
    if (s_.budget > 0) {
      if (context.run_budget == nullptr) {
        return Error(ErrorCode::kInvalidArgument,
                     "adaptive-vote: budget is of a whole run, and this is a single question; "
                     "expected no budget here, or use it in whet eval");
      }
      WHET_TRY_STATUS(session.sample(session.draws(1, temperature)));
      n_drawn = 1;
      most = context.run_budget->allowance(session.candidates()[0].mean_logprob, s_.budget, s_.n);
      why = fmt::format("all {} that the run's budget allows drawn", most);
    }
    EarlyEnd early(session, EndRule::kVote, most);
    while (n_drawn < most && !session.stopped()) {
      if (n_drawn > 0 && is_decided(session, early.runs())) {
        why = fmt::format("stopped after {} of {}", n_drawn, most);
        break;
      }
      const size_t n = std::min(s_.wave, most - n_drawn);
      WHET_TRY_STATUS(early.draw(session.draws(n, temperature)));
      n_drawn += n;
      if (early.decided()) {
        why = fmt::format("ended within the wave up to {} of {}", n_drawn, most);
        break;
      }
    }
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      if (eval::is_code(question.kind)) {
        score_by_examples(question, context, candidates, among, &early.runs());
      }
      Selection selection = select_by_vote(candidates, among);
      selection.how += fmt::format("; {}", why);
      return selection;
    });
  }

 private:
  /// Code: a program holds every public example. Else: the leader is ahead for good, or its lead
  /// would be lost in less than 1 - confidence of all ways that the vote may go on.
  bool is_decided(Session& session, ExampleRuns& runs) const {
    auto among = session.eligible();
    if (among.empty()) return false;
    if (eval::is_code(session.question().kind)) {
      // Of one program too it must be known, since more can be drawn.
      if (can_run_examples(session.question(), session.context())) {
        runs.run(session.question(), session.context(), session.candidates()[among[0]].text);
      }
      const bool ran = score_by_examples(session.question(), session.context(),
                                         session.candidates(), among, &runs)
                           .ran;
      return ran && std::any_of(among.begin(), among.end(),
                                [&](size_t i) { return session.candidates()[i].score == 1.0; });
    }
    std::vector<std::string> keys;
    for (size_t i : among) keys.push_back(session.candidates()[i].key);
    const Votes votes = count_votes(keys);
    return probability_of_lead(votes.leader, votes.second) >= s_.confidence;
  }

  AdaptiveVoteSettings s_;
};

}  // namespace

std::unique_ptr<Strategy> make_adaptive_vote(OptionReader& options) {
  AdaptiveVoteSettings s{};
  s.n = static_cast<size_t>(options.integer("n", 16, 1, 256));
  s.wave = static_cast<size_t>(options.integer("wave", 4, 1, 256));
  s.temperature = options.temperature("temperature", 0.6);
  s.confidence = options.number("confidence", 0.95, 0.5, 1);
  s.budget = options.number("budget", 0, 0, 256);
  return std::make_unique<AdaptiveVote>(s);
}

}  // namespace whet::strategy
