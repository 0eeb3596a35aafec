// re2: the question is asked twice in one prompt, so that the second reading can attend to the
// whole of it. Source: Xu et al., "Re-Reading improves reasoning in large language models" (2023).
#include <fmt/format.h>

#include "strategy/makers.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class Re2 : public Strategy {
 public:
  std::string description() const override {
    return "One completion of a prompt that repeats the question.";
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    WHET_TRY_STATUS(session.ask({.samples = session.draws(1, context.sampling.temperature),
                                 .messages = rewritten(question)->messages,
                                 .stream = true}));
    return session.finish_single();
  }
  std::optional<eval::Question> rewritten(const eval::Question& question) const override {
    return question.with_text(fmt::format("{0}\nRead the question again: {0}", question.text()));
  }
};

}  // namespace

std::unique_ptr<Strategy> make_re2(OptionReader&) {
  return std::make_unique<Re2>();
}

}  // namespace whet::strategy
