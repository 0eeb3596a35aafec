// cot-reflection: one completion that thinks, reflects and answers in marked parts; the answer is
// the marked output. Source: optillm's cot_reflection. An output that is not closed counts, since
// small models drop the tag; without any tag the whole text counts.
#include <fmt/format.h>

#include "eval/answer.h"
#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class CotReflection : public Strategy {
 public:
  explicit CotReflection(std::optional<double> temperature) : temperature_(temperature) {}

  std::string description() const override {
    return "One completion in three parts: thinking, reflection and output; the output.";
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    WHET_TRY(const auto made,
             session.answer("sample",
                            fmt::format("{}\n\nFirst think about this step by step inside "
                                        "<thinking> tags. Check your thinking for mistakes inside "
                                        "<reflection> tags. Then give the complete answer, in the "
                                        "form that is asked for, inside <output> tags.",
                                        question.text()),
                            temperature_.value_or(context.sampling.temperature)));
    std::string how = "the whole text: no output was marked";
    if (made) {
      const Candidate& candidate = session.candidates()[*made];
      const std::string output(tagged(candidate.text, "output"));
      // An output that answers nothing is worth less than the thinking that does.
      const Candidate judged = session.judged(output, candidate.finish);
      if (!output.empty() && (judged.eligible || !candidate.eligible)) {
        session.replace_text(*made, output);
        how = "the marked output";
      }
    }
    return session.finish_preferring(made, how);
  }

 private:
  std::optional<double> temperature_;
};

}  // namespace

std::unique_ptr<Strategy> make_cot_reflection(OptionReader& options) {
  return std::make_unique<CotReflection>(options.temperature("temperature", 0.6));
}

}  // namespace whet::strategy
