#include "adapt/text_rows.h"

#include <algorithm>

namespace whet::adapt {
namespace {

// Rows whose logits are held at a time.
constexpr size_t kRowsPerStep = 64;

}  // namespace

size_t scored_rows(const Windows& windows) {
  size_t n = 0;
  for (const std::vector<int32_t>& window : windows) n += window.empty() ? 0 : window.size() - 1;
  return n;
}

Status run_text(const Decoder& model, const Windows& windows, ThreadPool& pool,
                const CancelFlag* cancel, const OnTextRow& on_row) {
  ForwardScratch scratch(model.config);
  const auto vocab = static_cast<size_t>(model.config.vocab_size);
  size_t row = 0;
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
      pool.for_each(static_cast<int64_t>(n_scored), [&](int64_t i) {
        const auto at = static_cast<size_t>(i);
        on_row(row + at, logits.subspan(at * vocab, vocab), window[first + at + 1]);
      });
      row += n_scored;
    }
  }
  return ok_status();
}

}  // namespace whet::adapt
