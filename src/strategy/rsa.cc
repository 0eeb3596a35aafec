// rsa, recursive self-aggregation: a population of solutions; in each loop every new member is
// written from K random ones of the last; then a vote among the last population. Source:
// Venkatraman et al., "Recursive self-aggregation unlocks deep thinking in large language models"
// (2025).
#include <fmt/format.h>

#include <numeric>

#include "base/rng.h"
#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/selection.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

/// `k` different ones of `population`, by `seed`.
std::vector<size_t> drawn_from(std::vector<size_t> population, size_t k, uint64_t seed) {
  k = std::min(k, population.size());
  for (size_t i = 0; i < k; ++i) {
    seed = splitmix64(seed + i);
    std::swap(population[i], population[i + seed % (population.size() - i)]);
  }
  population.resize(k);
  return population;
}

class Rsa : public Strategy {
 public:
  Rsa(int64_t n, int64_t k, int64_t loops, std::optional<double> temperature)
      : n_(n), k_(k), loops_(loops), temperature_(temperature) {}

  std::string description() const override {
    return fmt::format(
        "{} solutions, {} times {} new ones each written from {} of the last; a vote among the "
        "last.",
        n_, loops_, n_, k_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    const double temperature = temperature_.value_or(context.sampling.temperature);
    WHET_TRY_STATUS(session.sample(session.draws(static_cast<size_t>(n_), temperature)));
    std::vector<size_t> population = session.eligible();
    for (int64_t loop = 1; loop <= loops_ && !population.empty() && !session.stopped(); ++loop) {
      std::vector<size_t> next;
      for (int64_t i = 0; i < n_; ++i) {
        const uint64_t seed = sample_seed(context.seed, static_cast<size_t>(loop * n_ + i + 1));
        const auto parents = drawn_from(population, static_cast<size_t>(k_), seed);
        WHET_TRY(const auto made,
                 session.answer(
                     fmt::format("loop {}", loop),
                     fmt::format("{}\n\nHere are {} candidate solutions, each may be right, "
                                 "partly right or wrong:\n\n{}\n\nCombine what is right in them "
                                 "into one better solution. Answer in the form that the question "
                                 "asks for.",
                                 question.text(), parents.size(),
                                 listed(session.candidates(), parents, "Candidate",
                                        quote_limit(generator, parents.size()))),
                     temperature));
        if (made && session.candidates()[*made].eligible) next.push_back(*made);
      }
      if (!next.empty()) population = std::move(next);
    }
    return session.finish([&](std::vector<Candidate>& candidates, const std::vector<size_t>&) {
      Selection selection = select_as_usual(question, context, candidates, population);
      selection.how += fmt::format(" of the last population ({})", population.size());
      return selection;
    });
  }

 private:
  int64_t n_, k_, loops_;
  std::optional<double> temperature_;
};

}  // namespace

std::unique_ptr<Strategy> make_rsa(OptionReader& options) {
  const int64_t n = options.integer("n", 4, 1, 64);
  const int64_t k = options.integer("k", 2, 1, 16);
  const int64_t loops = options.integer("loops", 2, 1, 16);
  return std::make_unique<Rsa>(n, k, loops, options.temperature("temperature", 1.0));
}

}  // namespace whet::strategy
