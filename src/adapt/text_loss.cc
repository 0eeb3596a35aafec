#include "adapt/text_loss.h"

#include <algorithm>
#include <cmath>

#include "adapt/text_rows.h"

namespace whet::adapt {
namespace {

double negative_log_probability(std::span<const float> logits, int32_t token) {
  const float largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - largest));
  return std::log(sum) - static_cast<double>(logits[static_cast<size_t>(token)] - largest);
}

}  // namespace

Result<double> text_loss(const Decoder& model, const Windows& windows, ThreadPool& pool,
                         const CancelFlag* cancel) {
  std::vector<double> of_row(scored_rows(windows));
  WHET_TRY_STATUS(run_text(model, windows, pool, cancel,
                           [&](size_t row, std::span<const float> logits, int32_t next) {
                             of_row[row] = negative_log_probability(logits, next);
                           }));
  double nats = 0;
  for (const double loss : of_row) nats += loss;  // in the order of the text, for any team
  return nats / static_cast<double>(std::max<size_t>(of_row.size(), 1));
}

}  // namespace whet::adapt
