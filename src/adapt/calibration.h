// What a model's activations look like on a text: the moments that its rotations follow from.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapt/second_moment.h"
#include "base/result.h"
#include "generator/generator.h"
#include "model/forward.h"
#include "token/tokenizer.h"

namespace whet::adapt {

using Windows = std::vector<std::vector<int32_t>>;

/// The first `n_tokens` tokens of a text in windows of `length`, each behind BOS where the model
/// wants one. Errors: what the tokenizer says; kInvalidArgument for a text of fewer than 64 tokens.
Result<Windows> calibration_windows(const Tokenizer& tokenizer, std::string_view text,
                                    int64_t n_tokens, int64_t length);

struct Moments {
  /// Of what enters attention and FFN of every layer, without the norms' gains. An element whose
  /// gain is zero counts as zero.
  SecondMoment residual;
  /// Of what attention gives, one per layer and KV head, over the query heads that share it.
  std::vector<SecondMoment> heads;
  int64_t n_windows = 0;  // that were seen

  explicit Moments(const ModelConfig& config);
};

/// Goes on behind the windows that `moments` has seen. `on_window(moments)` is called after each;
/// its error ends the run. Precondition: check_rotatable(). Errors: cancelled, no memory for keys
/// and values.
Status collect_moments(const Decoder& model, const Windows& windows, ThreadPool& pool,
                       const std::function<Status(const Moments&)>& on_window,
                       const CancelFlag* cancel, Moments& moments);

}  // namespace whet::adapt
