// pvg, prover-verifier game: helpful answers and deliberately wrong ones, which a verifier rates
// without knowing which is which. Helpful answers count only as far as the verifier tells them from
// wrong ones; the next round's helpful provers see the best answer so far. Source: Kirchner et al.,
// "Prover-verifier games improve legibility of LLM outputs" (2024), at inference time as optillm
// has it. Here a wrong answer is never returned and the user's question is never rewritten.
#include <fmt/format.h>

#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/rating.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class ProverVerifier : public Strategy {
 public:
  ProverVerifier(int64_t n, int64_t rounds) : n_(static_cast<size_t>(n)), rounds_(rounds) {}

  std::string description() const override {
    return fmt::format(
        "{} rounds of {} helpful and {} deliberately wrong answers, rated blindly; the helpful one "
        "rated highest above the wrong ones.",
        rounds_, n_, n_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    std::optional<size_t> best;
    for (int64_t round = 0; round < rounds_; ++round) {
      if (round > 0 && session.stopped()) break;
      Ask helpful{.samples = session.draws(n_, 0.7), .stage = "helpful"};
      if (best) helpful.messages = improving(session, *best).messages;
      WHET_TRY(const auto provers, session.ask(std::move(helpful)));
      WHET_TRY(
          const auto sneaky,
          session.ask(
              {.samples = session.draws(n_, 0.7),
               .stage = "sneaky",
               .messages = question
                               .with_text(fmt::format(
                                   "{}\n\nThis is a test of a checker: write an answer that looks "
                                   "right but has a mistake in it and ends with a wrong result. Do "
                                   "not mention the mistake.",
                                   question.text()))
                               .messages,
               .is_step = true}));
      WHET_TRY_STATUS(rate(session, provers));
      WHET_TRY_STATUS(rate(session, sneaky));
      // What the verifier gives to wrong answers is what its marks are worth nothing below.
      double worthless = 0;
      size_t n_rated = 0;
      for (size_t i : sneaky) {
        const auto& score = session.candidates()[i].score;
        if (score) worthless += *score;
        n_rated += score.has_value();
      }
      if (n_rated > 0) worthless /= static_cast<double>(n_rated);
      for (size_t i : provers) {
        Candidate& candidate = session.candidates()[i];
        if (candidate.score) *candidate.score -= worthless;
        if (!candidate.eligible || !candidate.score) continue;
        if (!best || *candidate.score > *session.candidates()[*best].score) best = i;
      }
    }
    const bool tells = best && *session.candidates()[*best].score > 0;
    if (tells) {
      return session.finish_preferring(best, "rated highest above the deliberately wrong answers");
    }
    WHET_TRY(Outcome outcome, session.finish_preferring(std::nullopt, ""));
    outcome.how += "; the verifier rated no helpful answer above the wrong ones";
    return outcome;
  }

 private:
  eval::Question improving(Session& session, size_t best) const {
    return session.question().with_text(
        fmt::format("{}\n\nAn earlier answer:\n{}\n\nGive a better one, in the form that the "
                    "question asks for.",
                    session.question().text(),
                    quoted(session.candidates()[best].text, quote_limit(session.generator(), 1))));
  }

  Status rate(Session& session, const std::vector<size_t>& which) const {
    for (size_t i : which) {
      const std::string text =
          quoted(session.candidates()[i].text, quote_limit(session.generator(), 1));
      if (text.empty()) continue;
      constexpr int64_t kMaxRatingTokens = 16;
      const auto reply = session.step(
          "verifier",
          fmt::format("Question:\n{}\n\nAnswer to check:\n{}\n\nHow correct is this answer? Reply "
                      "with one number from 0 (wrong) to 10 (right) and nothing else.",
                      session.question().text(), text),
          0.1, kMaxRatingTokens);
      if (!reply.ok()) return reply.error();
      session.candidates()[i].score = read_rating(*reply);
    }
    return ok_status();
  }

  size_t n_;
  int64_t rounds_;
};

}  // namespace

std::unique_ptr<Strategy> make_pvg(OptionReader& options) {
  const int64_t n = options.integer("n", 3, 1, 16);
  return std::make_unique<ProverVerifier>(n, options.integer("rounds", 2, 1, 8));
}

}  // namespace whet::strategy
