// plansearch: observations about the problem; for each of several subsets of them a plan in words,
// and from the plan a solution. Different subsets make solutions differ in idea and not in wording.
// Source: Wang et al., "Planning in natural language improves LLM search for code generation"
// (2024); as there, and unlike optillm, subsets of the observations are searched.
#include <fmt/format.h>

#include "strategy/makers.h"
#include "strategy/quotation.h"
#include "strategy/session.h"

namespace whet::strategy {
namespace {

class PlanSearch : public Strategy {
 public:
  PlanSearch(int64_t n, int64_t observations)
      : n_(static_cast<size_t>(n)), n_observations_(static_cast<size_t>(observations)) {}

  std::string description() const override {
    return fmt::format(
        "{} observations, a plan for each of up to {} subsets of them, a solution from each plan.",
        n_observations_, n_);
  }
  Result<Outcome> solve(const eval::Question& question, Generator& generator,
                        const Context& context) const override {
    Session session(question, generator, context);
    WHET_TRY(const std::string reply,
             session.step("observations",
                          fmt::format("{}\n\nDo not solve this yet. Write {} short, different "
                                      "observations that could help to solve it, one a line.",
                                      question.text(), n_observations_),
                          0.7));
    const auto observations = list_items(reply, n_observations_);
    for (const auto& subset : subsets(observations.size())) {
      if (session.stopped()) break;
      std::string hints;
      for (size_t i : subset) hints += "- " + quoted(observations[i], 500) + "\n";
      WHET_TRY(const std::string plan,
               session.step("plan",
                            fmt::format("{}\n\nUse these observations:\n{}\nWrite a short plan in "
                                        "words for solving it. Do not solve it yet.",
                                        question.text(), hints),
                            0.7));
      WHET_TRY_STATUS(session.answer(
          "solution",
          fmt::format("{}\n\nFollow this plan:\n{}", question.text(),
                      quoted(plan.empty() ? hints : plan, quote_limit(generator, 2))),
          0.1));
    }
    return session.finish_preferring(std::nullopt, "");
  }

 private:
  /// The first n of: each single observation, then each pair.
  std::vector<std::vector<size_t>> subsets(size_t n_observations) const {
    std::vector<std::vector<size_t>> all;
    for (size_t i = 0; i < n_observations; ++i) all.push_back({i});
    for (size_t i = 0; i < n_observations; ++i) {
      for (size_t j = i + 1; j < n_observations; ++j) all.push_back({i, j});
    }
    // Pairs are new ideas; half of the budget is for them.
    const size_t n_pairs = std::min(n_ / 2, all.size() - n_observations);
    const size_t n_singles = std::min(n_ - n_pairs, n_observations);
    std::vector<std::vector<size_t>> chosen(all.begin(),
                                            all.begin() + static_cast<ptrdiff_t>(n_singles));
    const auto pairs = all.begin() + static_cast<ptrdiff_t>(n_observations);
    chosen.insert(chosen.end(), pairs, pairs + static_cast<ptrdiff_t>(n_pairs));
    return chosen;
  }

  size_t n_, n_observations_;
};

}  // namespace

std::unique_ptr<Strategy> make_plansearch(OptionReader& options) {
  const int64_t n = options.integer("n", 4, 1, 32);
  return std::make_unique<PlanSearch>(n, options.integer("observations", 3, 1, 8));
}

}  // namespace whet::strategy
