// StatePool: the final states of a text's tokens, step by step, become one vector.
#pragma once

#include <cstdint>
#include <vector>

#include "generator/embedding.h"

namespace whet {

class StatePool {
 public:
  /// Of `n_prompt` tokens with states of `width` values.
  StatePool(Pooling pooling, int64_t width, int64_t n_prompt);

  /// Positions whose states change nothing and need not be computed.
  int64_t n_unread() const { return pooling_ == Pooling::kLast ? n_prompt_ - 1 : 0; }
  /// Room for the states of the next step [n, width].
  float* receive(int64_t n);
  /// Takes what was received; the first row is that of position `first`.
  void add(int64_t first);
  std::vector<float> take() const;

 private:
  Pooling pooling_;
  int64_t width_, n_prompt_;
  std::vector<float> received_;
  std::vector<double> sum_;
};

/// Divides by the Euclidean length; a vector of zeros stays one.
void normalise_length(std::vector<float>& values);

}  // namespace whet
