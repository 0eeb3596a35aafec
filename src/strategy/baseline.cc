// baseline: one completion at the run's sampling. greedy: one completion at temperature 0.
#include "strategy/makers.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class Baseline : public Strategy {
 public:
  explicit Baseline(bool greedy) : greedy_(greedy) {}

  Kind kind() const override { return Kind::kBaseline; }
  std::string description() const override {
    return greedy_ ? "One completion at temperature 0."
                   : "One completion at the run's own sampling.";
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = greedy_ ? 0 : context.sampling.temperature;
    WHET_TRY_STATUS(session.sample(session.draws({temperature}), "sample",
                                   /*stream=*/true));
    return session.finish_single();
  }

 private:
  bool greedy_;
};

}  // namespace

std::unique_ptr<Strategy> make_baseline(OptionReader&) {
  return std::make_unique<Baseline>(false);
}

std::unique_ptr<Strategy> make_greedy(OptionReader&) {
  return std::make_unique<Baseline>(true);
}

}  // namespace whet::strategy
