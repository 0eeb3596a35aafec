#include "draft/draft_budget.h"

#include <algorithm>

namespace whet {

double DraftBudget::expected_gain() const {
  double best = 0, tokens = 1, chance = 1;
  for (int64_t n = 1; n <= n_most_; ++n) {
    tokens += chance *= acceptance_;
    const double time =
        cost_.over_one(n + 1) + times_.first + static_cast<double>(n - 1) * times_.further;
    best = std::max(best, tokens / time);
  }
  return best;
}

bool DraftBudget::go_on(double chance) {
  ++n_drafted_;
  all_drawn_ *= chance;
  tokens_ += all_drawn_;
  if (n_drafted_ >= n_most_) return false;
  const double rows = cost_.over_one(n_drafted_ + 1);
  const double spent = times_.first + static_cast<double>(n_drafted_ - 1) * times_.further;
  // What is spent is spent: the next token must bring more per time than steps do on the whole.
  const double rate = std::max(1.0, tokens_ / (rows + spent));
  const double more_time = times_.further + cost_.over_one(n_drafted_ + 2) - rows;
  return all_drawn_ * acceptance_ > rate * more_time;
}

}  // namespace whet
