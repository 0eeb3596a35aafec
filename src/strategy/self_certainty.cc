// self-certainty: a vote in which each sample has the weight of its rank by self-certainty, the
// divergence of the model's distribution from an even one, averaged over the sample's tokens.
// Source: Kang et al., "Scalable best-of-N selection for large language models via
// self-certainty" (2025).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

/// Mean over tokens of -1/V sum log(V p), nats; none without the tokens' distributions.
std::optional<double> self_certainty(const Candidate& candidate, int32_t vocab_size) {
  if (candidate.tokens.empty()) return std::nullopt;
  double sum = 0;
  for (const TokenInfo& token : candidate.tokens) {
    if (!token.spread) return std::nullopt;
    sum -= token.spread->mean_logprob;
  }
  return sum / static_cast<double>(candidate.tokens.size()) - std::log(std::max(vocab_size, 1));
}

class SelfCertainty : public Strategy {
 public:
  SelfCertainty(int64_t n, std::optional<double> temperature, double power)
      : n_(n), temperature_(temperature), power_(power) {}

  std::string description() const override {
    return fmt::format(
        "{} samples in one batch; a vote weighted by each sample's rank in self-certainty.", n_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = temperature_.value_or(context.sampling.temperature);
    WHET_TRY_STATUS(session.ask(
        {.samples = session.draws(static_cast<size_t>(n_), temperature), .spread = true}));
    const int32_t vocab_size = generator.describe().vocab_size;
    for (size_t i : session.eligible()) {
      Candidate& candidate = session.candidates()[i];
      candidate.score = self_certainty(candidate, vocab_size);
      if (!candidate.score) {
        return Error(ErrorCode::kUnavailable,
                     "self-certainty needs the whole distribution of each token, and this engine "
                     "gives none; use majority-voting");
      }
    }
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      std::vector<size_t> ranked = among;
      std::stable_sort(ranked.begin(), ranked.end(), [&](size_t a, size_t b) {
        return *candidates[a].score > *candidates[b].score;
      });
      std::vector<double> weights(candidates.size(), 0);
      for (size_t rank = 0; rank < ranked.size(); ++rank) {
        weights[ranked[rank]] = std::pow(static_cast<double>(ranked.size() - rank), power_);
      }
      keep_best_by_examples(question, context, candidates, among);
      return select_by_weighted_vote(candidates, among, weights);
    });
  }

 private:
  int64_t n_;
  std::optional<double> temperature_;
  double power_;
};

}  // namespace

std::unique_ptr<Strategy> make_self_certainty(OptionReader& options) {
  const int64_t n = options.integer("n", 8, 1, 256);
  const auto temperature = options.temperature("temperature", 0.6);
  return std::make_unique<SelfCertainty>(n, temperature, options.number("power", 0.3, 0, 10));
}

}  // namespace whet::strategy
