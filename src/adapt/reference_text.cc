#include "adapt/reference_text.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "adapt/text_rows.h"

namespace whet::adapt {
namespace {

// Of a probability of the others that rounding made nothing.
constexpr double kLeast = 1e-12;

/// Log-probabilities of `tokens`, and behind them that of all others.
std::vector<double> log_probs_of(std::span<const float> logits, std::span<const int32_t> tokens) {
  const float largest = *std::ranges::max_element(logits);
  double sum = 0, rest = 1;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - largest));
  std::vector<double> found;
  for (const int32_t token : tokens) {
    found.push_back(static_cast<double>(logits[static_cast<size_t>(token)] - largest) -
                    std::log(sum));
    rest -= std::exp(found.back());
  }
  found.push_back(std::log(std::max(rest, kLeast)));
  return found;
}

}  // namespace

Result<ReferenceText> ReferenceText::of(const Decoder& model, Windows windows, ThreadPool& pool,
                                        const CancelFlag* cancel) {
  ReferenceText made(std::move(windows));
  made.rows_.resize(scored_rows(made.windows_));
  const auto on_row = [&](size_t row, std::span<const float> logits, int32_t) {
    std::vector<int32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const size_t n = std::min(kLikely, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), order.end(),
                      [&](int32_t a, int32_t b) {
                        const float x = logits[static_cast<size_t>(a)];
                        const float y = logits[static_cast<size_t>(b)];
                        return x != y ? x > y : a < b;
                      });
    order.resize(n);
    order.shrink_to_fit();
    made.rows_[row].log_probs = log_probs_of(logits, order);
    made.rows_[row].tokens = std::move(order);
  };
  WHET_TRY_STATUS(run_text(model, made.windows_, pool, cancel, on_row));
  return made;
}

Result<double> ReferenceText::divergence(const Decoder& model, ThreadPool& pool,
                                         const CancelFlag* cancel) const {
  std::vector<double> of_row(rows_.size());
  const auto on_row = [&](size_t row, std::span<const float> logits, int32_t) {
    const Row& expected = rows_[row];
    const std::vector<double> found = log_probs_of(logits, expected.tokens);
    for (size_t i = 0; i < found.size(); ++i) {
      of_row[row] += std::exp(expected.log_probs[i]) * (expected.log_probs[i] - found[i]);
    }
  };
  WHET_TRY_STATUS(run_text(model, windows_, pool, cancel, on_row));
  const double all = std::accumulate(of_row.begin(), of_row.end(), 0.0);
  return all / static_cast<double>(std::max<size_t>(of_row.size(), 1));
}

}  // namespace whet::adapt
