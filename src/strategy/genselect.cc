// genselect: the model compares all samples in one prompt, twice, the second time in the reverse
// order; its pick counts only if both times it is the same answer. Source: Toshniwal et al.,
// "GenSelect: a generative approach to best-of-N" (2025); the second order is ours, because small
// models pick by position.
#include <fmt/format.h>

#include <algorithm>

#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/rating.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class GenSelect : public Strategy {
 public:
  GenSelect(int64_t n, std::optional<double> temperature) : n_(n), temperature_(temperature) {}

  std::string description() const override {
    return fmt::format("{} samples, compared by the model in two orders that must agree.", n_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = temperature_.value_or(context.sampling.temperature);
    WHET_TRY_STATUS(session.sample(session.draws(static_cast<size_t>(n_), temperature)));
    std::vector<size_t> among = session.eligible();
    keep_best_by_examples(question, context, session.candidates(), among);
    const auto& candidates = session.candidates();
    const bool all_agree = std::all_of(among.begin(), among.end(), [&](size_t i) {
      return candidates[i].key == candidates[among[0]].key;
    });
    if (all_agree) return session.finish_preferring(std::nullopt, "");
    WHET_TRY(const auto first, pick(session, among));
    std::reverse(among.begin(), among.end());
    WHET_TRY(const auto second, pick(session, among));
    const bool agree = first && second && candidates[*first].key == candidates[*second].key;
    if (agree) return session.finish_preferring(first, "picked in both orders");
    WHET_TRY(Outcome outcome, session.finish_preferring(std::nullopt, ""));
    outcome.how += "; the picks in two orders did not agree";
    return outcome;
  }

 private:
  Result<std::optional<size_t>> pick(Session& session, const std::vector<size_t>& among) const {
    const size_t limit = quote_limit(session.generator(), among.size());
    constexpr int64_t kMaxPickTokens = 300;
    WHET_TRY(const std::string text,
             session.step(
                 "comparison",
                 fmt::format("Question:\n{}\n\n{}\n\nCompare these {} candidates. Which "
                             "one answers the question best? End with a line \"BEST "
                             "CANDIDATE: \" followed by its number.",
                             session.question().text(),
                             listed(session.candidates(), among, "Candidate", limit), among.size()),
                 0.3, kMaxPickTokens));
    const auto index = read_pick(text, among.size());
    return index ? std::optional(among[*index]) : std::nullopt;
  }

  int64_t n_;
  std::optional<double> temperature_;
};

}  // namespace

std::unique_ptr<Strategy> make_genselect(OptionReader& options) {
  const int64_t n = options.integer("n", 4, 2, 16);
  return std::make_unique<GenSelect>(n, options.temperature("temperature", 0.7));
}

}  // namespace whet::strategy
