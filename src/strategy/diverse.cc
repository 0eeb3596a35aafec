// diverse: N samples of one batch over a ladder of temperatures, so that a careful and a bold
// reading of the question both get a say.
#include <fmt/format.h>

#include "strategy/early_end.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class Diverse : public Strategy {
 public:
  Diverse(int64_t n, double low, double high, bool early)
      : n_(n), low_(low), high_(high), early_(early) {}

  bool needs_logprobs() const override { return true; }
  std::string description() const override {
    return fmt::format(
        "{} samples in one batch at temperatures {} to {}; code: the best by public examples, "
        "otherwise the most frequent answer; then mean logprob.",
        n_, low_, high_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    EarlyEnd early(session, end_rule(question), static_cast<size_t>(n_));
    WHET_TRY_STATUS(early.draw(session.draws(ladder())));
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      if (question.kind == eval::AnswerKind::kFree) return select_by_logprob(candidates, among);
      Selection selection =
          select_as_usual(question, context, candidates, std::move(among), &early.runs());
      selection.how += early.note();
      return selection;
    });
  }

 private:
  EndRule end_rule(const eval::Question& question) const {
    if (!early_) return EndRule::kNever;
    if (eval::is_code(question.kind)) return EndRule::kAllExamples;
    return eval::has_text_answer(question.kind) ? EndRule::kVote : EndRule::kNever;
  }

  std::vector<double> ladder() const {
    std::vector<double> temperatures;
    for (int64_t i = 0; i < n_; ++i) {
      const double share = n_ > 1 ? static_cast<double>(i) / static_cast<double>(n_ - 1) : 0;
      temperatures.push_back(low_ + share * (high_ - low_));
    }
    return temperatures;
  }

  int64_t n_;
  double low_;
  double high_;
  bool early_;
};

}  // namespace

std::unique_ptr<Strategy> make_diverse(OptionReader& options) {
  const int64_t n = options.integer("n", 5, 1, 256);
  const double low = options.number("low", 0.3, 0, 5);
  const double high = options.number("high", 1.2, 0, 5);
  return std::make_unique<Diverse>(n, low, high, options.flag("early", true));
}

}  // namespace whet::strategy
