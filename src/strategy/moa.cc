// moa, mixture of agents with one model: N samples, a critique of all of them, and an answer
// written with both in view. Source: Wang et al., "Mixture-of-agents enhances large language model
// capabilities" (2024), in optillm's three steps.
#include <fmt/format.h>

#include "eval/answer.h"
#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class MixtureOfAgents : public Strategy {
 public:
  explicit MixtureOfAgents(int64_t n) : n_(n) {}

  std::string description() const override {
    return fmt::format("{} samples, a critique of them, an answer written from both.", n_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    WHET_TRY_STATUS(session.sample(session.draws(static_cast<size_t>(n_), 1.0)));
    // A sample that did not come is left out, and not replaced by a copy of another.
    const std::vector<size_t> drafts = session.eligible();
    if (drafts.empty()) return session.finish_preferring(std::nullopt, "");
    const std::string candidates = listed(session.candidates(), drafts, "Candidate",
                                          quote_limit(generator, drafts.size() + 1));
    WHET_TRY(const std::string critique,
             session.step("critique",
                          fmt::format("Question:\n{}\n\n{}\n\nFor each candidate say in a few "
                                      "sentences what is right and what is wrong with it.",
                                      question.text(), candidates),
                          0.1));
    std::string criticised;  // a critique that did not fit, or was empty, is not announced
    if (!critique.empty()) {
      criticised = fmt::format("A critique of them:\n{}\n\n",
                               quoted(critique, quote_limit(generator, drafts.size() + 1)));
    }
    WHET_TRY(const auto last,
             session.answer("synthesis",
                            fmt::format("{}\n\nHere are {} earlier answers, some may be "
                                        "wrong:\n\n{}\n\n{}Now give your own best answer to the "
                                        "question, in the form that it asks for.",
                                        question.text(), drafts.size(), candidates, criticised),
                            0.1));
    return session.finish_preferring(last, "written from all candidates and their critique");
  }

 private:
  int64_t n_;
};

}  // namespace

std::unique_ptr<Strategy> make_moa(OptionReader& options) {
  return std::make_unique<MixtureOfAgents>(options.integer("n", 3, 1, 16));
}

}  // namespace whet::strategy
