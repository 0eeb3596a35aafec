#include "cli/text_score.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "cli/interrupt.h"
#include "report/progress.h"

namespace whet {

void TextScore::add(std::span<const float> logits, int32_t token) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double total = 0;
  for (const float logit : logits) total += std::exp(logit - largest);
  const double missed = largest + std::log(total) - logits[static_cast<size_t>(token)];
  nats += missed;
  nats_squared += missed * missed;
  ++n_tokens;
}

double TextScore::standard_error() const {
  const auto n = static_cast<double>(n_tokens);
  const double variance = n > 1 ? std::max(0.0, (nats_squared - nats * nats / n) / (n - 1)) : 0;
  return std::sqrt(variance / n);
}

double TextScore::bits_per_byte(size_t n_all, size_t n_bytes) const {
  const double scored_share = static_cast<double>(n_tokens) / static_cast<double>(n_all);
  return nats / std::numbers::ln2 / (static_cast<double>(n_bytes) * scored_share);
}

Result<size_t> text_window_room(const Engine& engine) {
  const Tokenizer& tokenizer = engine.tokenizer();
  if (engine.context() < 2) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("-c: expected 2 tokens or more, of which one predicts the next, found {}",
                    engine.context()));
  }
  const bool bos = tokenizer.adds_bos() && tokenizer.bos().has_value();
  return static_cast<size_t>(engine.context()) - (bos ? 1 : 0);
}

Error too_short_text(size_t n_tokens) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("the text has {} tokens; expected at least 2", n_tokens));
}

Result<TextScore> score_text(Engine& engine, const std::vector<int32_t>& text) {
  const Tokenizer& tokenizer = engine.tokenizer();
  const bool bos = tokenizer.adds_bos() && tokenizer.bos().has_value();
  WHET_TRY(const size_t room, text_window_room(engine));
  TextScore tally;
  report::Progress progress("perplexity", static_cast<int64_t>(text.size()));
  for (size_t first = 0; first < text.size(); first += room) {
    std::vector<int32_t> window;
    if (bos) window.push_back(*tokenizer.bos());
    size_t n = std::min(room, text.size() - first);
    window.insert(window.end(), text.begin() + static_cast<ptrdiff_t>(first),
                  text.begin() + static_cast<ptrdiff_t>(first + n));
    WHET_TRY(std::vector<double> scores, engine.score(window, &interrupt_flag()));
    for (double logprob : scores) {
      tally.nats -= logprob;
      tally.nats_squared += logprob * logprob;
    }
    tally.n_tokens += static_cast<int64_t>(scores.size());
    ++tally.n_windows;
    progress.update(static_cast<int64_t>(first + n));
  }
  progress.finish();
  if (tally.n_tokens == 0) return too_short_text(text.size());
  return tally;
}

}  // namespace whet
