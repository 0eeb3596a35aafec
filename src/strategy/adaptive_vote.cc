// adaptive-vote: a majority vote that draws in waves and stops when the rest cannot change it, or
// most probably would not; samples that no longer matter are ended while they are generated. With a
// budget for the whole run, questions whose first sample was unsure get more of it. Sources:
// Aggarwal et al., "Let's sample step by step" (2023, the stop rule); the budget follows the idea
// of uncertainty-aware allocation (2026).
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/run_budget.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

struct Votes {
  size_t leader = 0;
  size_t second = 0;
};

Votes count(const std::vector<std::string>& keys) {
  std::map<std::string_view, size_t> groups;
  for (const std::string& key : keys) ++groups[key];
  Votes votes;
  for (const auto& [key, n] : groups) {
    if (n > votes.leader) {
      votes.second = votes.leader;
      votes.leader = n;
    } else {
      votes.second = std::max(votes.second, n);
    }
  }
  return votes;
}

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
    while (n_drawn < most && !session.stopped()) {
      if (n_drawn > 0 && is_decided(session, context)) {
        why = fmt::format("stopped after {} of {}", n_drawn, most);
        break;
      }
      const size_t n = std::min(s_.wave, most - n_drawn);
      bool cut = false;
      WHET_TRY_STATUS(draw(session, n, most - n_drawn, temperature, cut));
      n_drawn += n;
      if (cut) {
        why = fmt::format("ended within the wave up to {} of {}", n_drawn, most);
        break;
      }
    }
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      if (eval::is_code(question.kind)) score_by_examples(question, context, candidates, among);
      Selection selection = select_by_vote(candidates, among);
      selection.how += fmt::format("; {}", why);
      return selection;
    });
  }

 private:
  /// One wave. Ends it, and says so, once no way of filling the `n_left` votes overtakes the
  /// leader.
  Status draw(Session& session, size_t n, size_t n_left, double temperature, bool& cut) const {
    std::vector<std::string> keys;
    for (size_t i : session.eligible()) keys.push_back(session.candidates()[i].key);
    std::vector<std::string> texts(n);
    const bool can_end = !eval::is_code(session.question().kind);  // code votes by behaviour
    const auto asked =
        session.ask({.samples = session.draws(n, temperature),
                     .watch =
                         [&](const GenerateEvent& event) {
                           texts[event.sample] += event.text;
                           if (!event.finish || cut)
                             return cut ? Continue::kEndRequest : Continue::kYes;
                           const Candidate judged =
                               session.judged(texts[event.sample], *event.finish);
                           if (judged.eligible) keys.push_back(judged.key);
                           --n_left;
                           const Votes votes = count(keys);
                           cut = can_end && n_left > 0 && votes.leader > votes.second + n_left;
                           return cut ? Continue::kEndRequest : Continue::kYes;
                         },
                     .ended_why = "ended early: the vote was decided"});
    return asked.ok() ? ok_status() : Status(asked.error());
  }

  /// Code: a program holds every public example. Else: the leader is ahead for good, or its lead
  /// would be lost in less than 1 - confidence of all ways that the vote may go on.
  bool is_decided(Session& session, const Context& context) const {
    auto among = session.eligible();
    if (among.empty()) return false;
    if (eval::is_code(session.question().kind)) {
      const bool ran =
          score_by_examples(session.question(), context, session.candidates(), among).ran;
      return ran && std::any_of(among.begin(), among.end(),
                                [&](size_t i) { return session.candidates()[i].score == 1.0; });
    }
    std::vector<std::string> keys;
    for (size_t i : among) keys.push_back(session.candidates()[i].key);
    const Votes votes = count(keys);
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
