// The angles of rotary embeddings: cosines and sines for the positions of a step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "model/forward.h"
#include "model/model_config.h"

namespace whet {

class Rotation {
 public:
  explicit Rotation(const RopeForm& form);

  /// For every token of the segments, in order.
  void compute(std::span<const StepSegment> segments);
  /// Rotates the heads of row t in place.
  void apply(float* heads, int64_t n_heads, int64_t head_dim, int64_t t) const;

 private:
  std::span<const double> frequencies_at(int64_t position, int64_t capacity);

  RopeForm form_;
  std::vector<double> usual_, long_;  // radians per position of each pair
  std::vector<double> grown_;         // of the last position behind the original context
  AlignedBuffer<float> cosines_, sines_;
};

}  // namespace whet
