// cepo: several times over, some plans that are carried out, one plan refined from all of them, and
// a final answer from that; then a vote. Source: optillm's CePO (Cerebras, 2025). Departures: plans
// are not drawn again until they parse, and answers are voted on instead of rated.
#include <fmt/format.h>

#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class Cepo : public Strategy {
 public:
  Cepo(int64_t n, int64_t plans) : n_(n), n_plans_(plans) {}

  std::string description() const override {
    return fmt::format("{} times {} plans, each carried out, refined into one answer; a vote.", n_,
                       n_plans_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    for (int64_t i = 0; i < n_; ++i) {
      if (i > 0 && session.stopped()) break;
      WHET_TRY_STATUS(round(session));
    }
    return session.finish_preferring(std::nullopt, "");
  }

 private:
  Status round(Session& session) const {
    const std::string question(session.question().text());
    const size_t limit = quote_limit(session.generator(), static_cast<size_t>(n_plans_) + 1);
    const auto plans = session.ask(
        {.samples = session.draws(static_cast<size_t>(n_plans_), 0.55),
         .stage = "plan",
         .messages = session.question()
                         .with_text(question + "\n\nWrite a plan for solving this, step by step. "
                                               "Do not carry it out yet.")
                         .messages,
         .is_step = true});
    if (!plans.ok()) return plans.error();
    std::vector<size_t> executions;
    for (size_t plan : *plans) {
      const std::string text = quoted(session.candidates()[plan].text, limit);
      if (text.empty()) continue;
      const auto done = session.answer(
          "execution", fmt::format("{}\n\nCarry out this plan, step by step:\n{}", question, text),
          0.25);
      if (!done.ok()) return done.error();
      if (*done) executions.push_back(**done);
    }
    if (executions.empty()) return ok_status();
    const auto refined = session.step(
        "refinement",
        fmt::format("{}\n\n{}\n\nWhere do these solutions agree and where not? Say which steps are "
                    "right and write one refined plan.",
                    question, listed(session.candidates(), executions, "Solution", limit)),
        0.1);
    if (!refined.ok()) return refined.error();
    if (refined->empty()) return ok_status();
    const auto last = session.answer(
        "final",
        fmt::format("{}\n\nUse this refined plan:\n{}", question, quoted(*refined, limit * 2)), 0);
    if (!last.ok()) return last.error();
    if (!*last || !session.candidates()[**last].eligible) return ok_status();
    // The final answer stands for its round; what led to it has no vote beside it.
    for (size_t i : executions) {
      Candidate& draft = session.candidates()[i];
      if (draft.eligible) draft.reason = "a draft of its round's final answer";
      draft.eligible = false;
    }
    return ok_status();
  }

  int64_t n_, n_plans_;
};

}  // namespace

std::unique_ptr<Strategy> make_cepo(OptionReader& options) {
  const int64_t n = options.integer("n", 3, 1, 16);
  return std::make_unique<Cepo>(n, options.integer("plans", 3, 1, 8));
}

}  // namespace whet::strategy
