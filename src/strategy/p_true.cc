// p-true: N samples of one batch, the one that the model most probably calls correct.
#include "strategy/p_true.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "strategy/examples.h"
#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/selection.h"

namespace whet::strategy {
namespace {

class PTrue : public Strategy {
 public:
  PTrue(int64_t n, std::optional<double> temperature) : n_(n), temperature_(temperature) {}

  std::string description() const override {
    return fmt::format(
        "{} samples in one batch, the one with the highest probability that the model calls it "
        "correct.",
        n_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = temperature_.value_or(context.sampling.temperature);
    WHET_TRY_STATUS(session.sample(session.draws(static_cast<size_t>(n_), temperature)));
    std::vector<size_t> among = session.eligible();
    keep_best_by_examples(question, context, session.candidates(), among);
    std::map<std::string, std::optional<double>> known;  // equal texts are asked about once
    for (size_t i : among) {
      Candidate& candidate = session.candidates()[i];
      const auto [place, is_new] = known.try_emplace(candidate.text);
      if (is_new && among.size() > 1) {
        WHET_TRY(place->second, p_true(session, candidate.text));
      }
      candidate.score = place->second;
    }
    return session.finish([&](std::vector<Candidate>& candidates, const std::vector<size_t>&) {
      return select_by_score(candidates, among, "P(True)");
    });
  }

 private:
  int64_t n_;
  std::optional<double> temperature_;
};

}  // namespace

Result<std::optional<double>> p_true(Session& session, const std::string& answer) {
  std::vector<ChatMessage> messages = session.question().messages;
  messages.push_back(
      {.role = "assistant", .content = quoted(answer, quote_limit(session.generator(), 1))});
  messages.push_back(
      {.role = "user", .content = "Is this answer correct? Answer with one word, Yes or No."});
  const Prompt prompt = session.prompt_of(messages);
  const std::string space = session.context().raw_prompt ? " " : "";
  WHET_TRY(const auto yes, session.score(prompt, space + "Yes"));
  WHET_TRY(const auto no, session.score(prompt, space + "No"));
  if (!yes || !no) return std::optional<double>();
  return std::optional(1 / (1 + std::exp(*no - *yes)));
}

std::unique_ptr<Strategy> make_p_true(OptionReader& options) {
  const int64_t n = options.integer("n", 4, 1, 256);
  return std::make_unique<PTrue>(n, options.temperature("temperature", 0.7));
}

}  // namespace whet::strategy
