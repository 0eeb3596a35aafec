// router: one draw first; where the model was sure of it that is the answer. Otherwise the kind of
// question decides who goes on: a code question with examples gets best-of-n, without them codet; a
// question with a short answer a vote; anything else stays with the draw. Rules instead of
// optillm's trained classifier: they need no second model, and can be read.
#include <fmt/format.h>

#include "strategy/makers.h"
#include "strategy/registry.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class Router : public Strategy {
 public:
  explicit Router(double sure) : sure_(sure) {}

  std::string description() const override {
    return "One draw; if the model was unsure of it, best-of-n or codet for code and an adaptive "
           "vote for short answers.";
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    WHET_TRY_STATUS(session.sample(session.draws(1, context.sampling.temperature), "probe"));
    const Candidate& probe = session.candidates()[0];
    const std::string_view spec = route(question);
    const bool is_sure = probe.eligible && probe.mean_logprob.value_or(0) >= sure_;
    if (spec.empty() || is_sure || session.stopped()) {
      return session.finish_preferring(
          0, spec.empty() ? "the draw: nothing better is known for this kind of question"
                          : "the draw: the model was sure of it");
    }
    WHET_TRY(const auto chosen, make_strategy(spec));
    Context inner = context;
    inner.on_event = nullptr;
    inner.run_budget = nullptr;
    WHET_TRY(Outcome outcome, chosen->solve(question, generator, inner));
    const std::string how = fmt::format("{}: {}", chosen->name(), outcome.how);
    return joined(session.finish_single(), std::move(outcome), how);
  }

 private:
  static std::string_view route(const eval::Question& question) {
    if (eval::is_code(question.kind)) return question.examples.empty() ? "codet" : "best-of-n:n=5";
    return eval::has_text_answer(question.kind) ? "adaptive-vote:n=8" : "";
  }

  /// Both costs; the answer of `second`, unless it is empty.
  static Outcome joined(Outcome first, Outcome second, const std::string& how) {
    second.start_ns = first.start_ns;
    second.n_prompt_tok += first.n_prompt_tok;
    second.n_completion_tok += first.n_completion_tok;
    second.n_calls += first.n_calls;
    second.how = how;
    const bool keeps_first = second.text.empty() && !first.text.empty();
    for (Candidate& candidate : first.candidates) {
      candidate.chosen = keeps_first;
      if (!keeps_first) candidate.reason = "the probe";
    }
    if (keeps_first) {
      second.text = first.text;
      second.how += "; the draw stands";
      for (Candidate& candidate : second.candidates) candidate.chosen = false;
    }
    second.candidates.insert(second.candidates.begin(), first.candidates.begin(),
                             first.candidates.end());
    return second;
  }

  double sure_;
};

}  // namespace

std::unique_ptr<Strategy> make_router(OptionReader& options) {
  return std::make_unique<Router>(options.number("sure", -0.1, -100, 0));
}

}  // namespace whet::strategy
