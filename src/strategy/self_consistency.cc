// self-consistency: N reasoning paths of one batch at a high temperature; the answer that most
// paths reach. Where a text has no answer to extract (free text), whole texts are grouped by
// similarity, and so are programs that cannot be run: this is where it differs from
// majority-voting. Source: Wang et al., "Self-consistency improves chain of thought reasoning"
// (ICLR 2023); the grouping of whole texts is optillm's, on answers first because long paths never
// look alike.
#include <fmt/format.h>

#include "strategy/early_end.h"
#include "strategy/makers.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class SelfConsistency : public Strategy {
 public:
  SelfConsistency(int64_t n, std::optional<double> temperature, double similarity, bool early)
      : n_(n), temperature_(temperature), similarity_(similarity), early_(early) {}

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
    const auto n = static_cast<size_t>(n_);
    EarlyEnd early(session, end_rule(question, context), n);
    WHET_TRY_STATUS(early.draw(session.draws(n, temperature)));
    return session.finish([&](std::vector<Candidate>& candidates, std::vector<size_t> among) {
      bool whole_texts = question.kind == eval::AnswerKind::kFree;
      if (eval::is_code(question.kind)) {
        whole_texts = !score_by_examples(question, context, candidates, among, &early.runs()).ran;
      }
      if (whole_texts) group_by_similarity(candidates, among, similarity_);
      Selection selection = select_by_vote(candidates, among);
      selection.how += early.note();
      return selection;
    });
  }

 private:
  /// Which texts look alike is known once there are all.
  EndRule end_rule(const eval::Question& question, const Context& context) const {
    const bool by_key = eval::has_text_answer(question.kind) || can_run_examples(question, context);
    return early_ && by_key ? EndRule::kVote : EndRule::kNever;
  }

  int64_t n_;
  std::optional<double> temperature_;
  double similarity_;
  bool early_;
};

}  // namespace

std::unique_ptr<Strategy> make_self_consistency(OptionReader& options) {
  const int64_t n = options.integer("n", 5, 1, 256);
  const auto temperature = options.temperature("temperature", 1.0);
  const double similarity = options.number("similarity", 0.8, 0, 1);
  return std::make_unique<SelfConsistency>(n, temperature, similarity, options.flag("early", true));
}

}  // namespace whet::strategy
