// How well a model predicts a text: sums over its tokens.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace whet {

/// Over all scored tokens.
struct TextScore {
  int64_t n_tokens = 0;
  int64_t n_windows = 0;
  double nats = 0;
  double nats_squared = 0;

  /// The token that came behind a row of logits.
  void add(std::span<const float> logits, int32_t token);
  double mean() const { return nats / static_cast<double>(n_tokens); }
  /// Of the mean.
  double standard_error() const;
  /// Makes different vocabularies comparable. `n_all`: tokens of the text, `n_bytes` its bytes:
  /// where not every token was scored, as many bytes count as tokens.
  double bits_per_byte(size_t n_all, size_t n_bytes) const;
};

/// Tokens of the text in a window: the engine's context without BOS where the model wants one.
/// Errors: a context of fewer than 2 tokens.
Result<size_t> text_window_room(const Engine& engine);
/// That a text of so many tokens has none to score.
Error too_short_text(size_t n_tokens);

/// The text in consecutive windows of the context, each scored on its own. With a BOS token in
/// front every token of the text is scored; without one the first of each window is not.
/// Errors: a context of fewer than 2 tokens, a text of fewer; cancelled.
Result<TextScore> score_text(Engine& engine, const std::vector<int32_t>& text);

}  // namespace whet
