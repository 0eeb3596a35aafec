#include "adapt/text_loss.h"

#include <algorithm>
#include <cmath>

namespace whet::adapt {
namespace {

// Rows whose logits are held at a time.
constexpr size_t kRowsPerStep = 64;

double negative_log_probability(std::span<const float> logits, int32_t token) {
  const float largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - largest));
  return std::log(sum) - static_cast<double>(logits[static_cast<size_t>(token)] - largest);
}

}  // namespace

Result<double> text_loss(const Decoder& model, const Windows& windows, ThreadPool& pool,
                         const CancelFlag* cancel) {
  ForwardScratch scratch(model.config);
  const auto vocab = static_cast<size_t>(model.config.vocab_size);
  double nats = 0;
  int64_t n = 0;
  std::vector<double> of_row;
  for (const std::vector<int32_t>& window : windows) {
    WHET_TRY(KvSequence kv,
             KvSequence::create(kv_shape_of(model.config, static_cast<int64_t>(window.size()))));
    for (size_t first = 0; first < window.size(); first += kRowsPerStep) {
      if (cancel != nullptr && cancel->cancelled()) {
        return Error(ErrorCode::kCancelled, "cancelled");
      }
      const size_t size = std::min(kRowsPerStep, window.size() - first);
      StepSegment segment{&kv, std::span(window).subspan(first, size), StepSegment::Logits::kAll};
      segment.sparse = true;
      const std::span<const float> logits = forward(model, {&segment, 1}, scratch, pool);
      const size_t n_scored = std::min(size, window.size() - 1 - first);
      of_row.assign(n_scored, 0);
      pool.for_each(static_cast<int64_t>(n_scored), [&](int64_t i) {
        const auto at = static_cast<size_t>(i);
        of_row[at] =
            negative_log_probability(logits.subspan(at * vocab, vocab), window[first + at + 1]);
      });
      for (const double loss : of_row) nats += loss;  // in the order of the text, for any team
      n += static_cast<int64_t>(n_scored);
    }
  }
  return nats / static_cast<double>(std::max<int64_t>(n, 1));
}

}  // namespace whet::adapt
