// self-consistency: N reasoning paths of one batch at a high temperature; the answer that most
// paths reach. Where a text has no answer to extract (free text), whole texts are grouped by
// similarity, and so are programs that cannot be run: this is where it differs from
// majority-voting. Source: Wang et al., "Self-consistency improves chain of thought reasoning"
// (ICLR 2023); the grouping of whole texts is optillm's, on answers first because long paths never
// look alike.
#include <fmt/format.h>

#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class SelfConsistency : public Strategy {
 public:
  SelfConsistency(int64_t n, std::optional<double> temperature, double similarity)
      : n_(n), temperature_(temperature), similarity_(similarity) {}

  std::string description() const override {
    return fmt::format(
        "{} reasoning paths in one batch, the answer that most reach; texts without one are "
        "grouped by similarity.",
        n_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = temperature_.value_or(context.sampling.temperature);
    const std::vector<double> temperatures(static_cast<size_t>(n_), temperature);
    WHET_TRY_STATUS(session.sample(session.draws(temperatures)));
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      bool whole_texts = question.kind == eval::AnswerKind::kFree;
      if (eval::is_code(question.kind)) {
        whole_texts = !score_by_examples(question, context, candidates, among).ran;
      }
      if (whole_texts) group_by_similarity(candidates, among, similarity_);
      return select_by_vote(candidates, among);
    });
  }

 private:
  int64_t n_;
  std::optional<double> temperature_;
  double similarity_;
};

}  // namespace

std::unique_ptr<Strategy> make_self_consistency(OptionReader& options) {
  const int64_t n = options.integer("n", 5, 1, 256);
  const auto temperature = options.temperature("temperature", 1.0);
  return std::make_unique<SelfConsistency>(n, temperature, options.number("similarity", 0.8, 0, 1));
}

}  // namespace whet::strategy
