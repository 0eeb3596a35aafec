// best-of-n: N samples of one batch, the best by a score that is computed, never asked of the
// model: executed public examples for code, then mean logprob per token.
#include <fmt/format.h>

#include "strategy/early_end.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class BestOfN : public Strategy {
 public:
  BestOfN(int64_t n, std::optional<double> temperature, bool early)
      : n_(n), temperature_(temperature), early_(early) {}

  bool needs_logprobs() const override { return true; }
  std::string description() const override {
    return fmt::format(
        "{} samples in one batch, the best by public examples (code), then by mean logprob.", n_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = temperature_.value_or(context.sampling.temperature);
    const auto n = static_cast<size_t>(n_);
    const bool by_examples = early_ && eval::is_code(question.kind);
    EarlyEnd early(session, by_examples ? EndRule::kAllExamples : EndRule::kNever, n);
    WHET_TRY_STATUS(early.draw(session.draws(n, temperature)));
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      if (!eval::is_code(question.kind)) return select_by_logprob(candidates, among);
      Selection selection =
          select_as_usual(question, context, candidates, std::move(among), &early.runs());
      selection.how += early.note();
      return selection;
    });
  }

 private:
  int64_t n_;
  std::optional<double> temperature_;
  bool early_;
};

}  // namespace

std::unique_ptr<Strategy> make_best_of_n(OptionReader& options) {
  const int64_t n = options.integer("n", 3, 1, 256);
  const auto temperature = options.temperature("temperature", 1.0);
  return std::make_unique<BestOfN>(n, temperature, options.flag("early", true));
}

}  // namespace whet::strategy
