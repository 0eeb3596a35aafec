// longer: one completion with a multiple of the run's tokens. Where a model thinks before it
// answers this is the control for everything that thinks more: the same draw, allowed to go on.
#include <fmt/format.h>

#include <cmath>

#include "strategy/makers.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class Longer : public Strategy {
 public:
  explicit Longer(double times) : times_(times) {}

  std::string description() const override {
    return fmt::format("One completion with {} times the tokens of the run's limit.", times_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const bool is_limited = context.max_tokens >= 0;
    const double tokens = std::ceil(static_cast<double>(context.max_tokens) * times_);
    WHET_TRY_STATUS(session.ask({.samples = session.draws(1, context.sampling.temperature),
                                 .stream = true,
                                 .max_tokens = is_limited ? static_cast<int64_t>(tokens) : -1}));
    return session.finish_single();
  }

 private:
  double times_;
};

}  // namespace

std::unique_ptr<Strategy> make_longer(OptionReader& options) {
  return std::make_unique<Longer>(options.number("times", 2, 1, 64));
}

}  // namespace whet::strategy
