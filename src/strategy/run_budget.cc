#include "strategy/run_budget.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace whet::strategy {
namespace {

double known(std::optional<double> logprob) {
  return logprob.value_or(-std::numeric_limits<double>::infinity());
}

}  // namespace

size_t RunBudget::allowance(std::optional<double> first_logprob, double share, size_t most) const {
  const double balance =
      share * static_cast<double>(logprobs_.size() + 1) - static_cast<double>(n_used_);
  // Mid-ranks, so that equal questions get equal shares; the first one has nobody beside it.
  double surer = 0;
  for (const double other : logprobs_) {
    surer += other > known(first_logprob) ? 1 : other == known(first_logprob) ? 0.5 : 0;
  }
  const double rank = logprobs_.empty() ? 0.5 : surer / static_cast<double>(logprobs_.size());
  // Ranks are even from 0 to 1, so twice the rank spends the balance on average.
  const double wanted = 1 + 2 * rank * (balance - 1);
  const double allowed = std::floor(std::min({wanted, balance, static_cast<double>(most)}));
  return allowed < 1 ? 1 : static_cast<size_t>(allowed);
}

void RunBudget::note(std::optional<double> first_logprob, size_t n_used) {
  logprobs_.push_back(known(first_logprob));
  n_used_ += n_used;
}

}  // namespace whet::strategy
