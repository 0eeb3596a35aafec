// What a dense decoder expects behind every token of a text, to tell how far a sparse one is from
// it: a divergence has a fraction of the noise of a difference of losses.
#pragma once

#include <cstdint>
#include <vector>

#include "adapt/calibration.h"
#include "base/result.h"
#include "model/forward.h"

namespace whet::adapt {

class ReferenceText {
 public:
  /// Runs `model`, as sparse as it is. Errors: as run_text().
  static Result<ReferenceText> of(const Decoder& model, Windows windows, ThreadPool& pool,
                                  const CancelFlag* cancel);

  /// Mean over the text's rows of the Kullback-Leibler divergence of `model` from the reference,
  /// in nats, its likeliest tokens each by itself and all others as one: at most that of all
  /// tokens, 0 for the same decoder. Errors: as run_text().
  Result<double> divergence(const Decoder& model, ThreadPool& pool, const CancelFlag* cancel) const;

 private:
  static constexpr size_t kLikely = 64;
  struct Row {
    std::vector<int32_t> tokens;
    std::vector<double> log_probs;  // of the tokens, and of the others together
  };
  explicit ReferenceText(Windows windows) : windows_(std::move(windows)) {}

  Windows windows_;
  std::vector<Row> rows_;
};

}  // namespace whet::adapt
