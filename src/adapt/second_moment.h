// The uncentred second moment of vectors: the sum of u^T u, from which principal axes follow.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/projection.h"
#include "par/thread_pool.h"

namespace whet::adapt {

/// Buffers of SecondMoment::add(), for any number of moments.
struct MomentScratch {
  AlignedBuffer<float> transposed, products;
  ProjectionScratch projection;
};

class SecondMoment {
 public:
  explicit SecondMoment(int64_t width);

  int64_t width() const { return width_; }
  int64_t n_rows() const { return n_rows_; }

  /// Adds rows [n, width] that lie `stride` floats apart, element c times scale[c] (none: as it
  /// is). The products of one call are summed by the float kernels, the calls in double: a call
  /// should bring hundreds of rows, not millions. The same bits for any number of threads.
  void add(const float* rows, int64_t n, int64_t stride, std::span<const float> scale,
           MomentScratch& scratch, ThreadPool& pool);

  /// [width, width], symmetric.
  std::vector<double> matrix() const;

  /// What add() has summed: of row i the elements [0, i], rows one behind the other.
  std::span<const double> lower() const { return lower_; }
  /// Takes up where another left off. `lower` has as many elements as lower().
  void restore(std::span<const double> lower, int64_t n_rows);

 private:
  int64_t width_;
  int64_t n_rows_ = 0;
  std::vector<double> lower_;
};

}  // namespace whet::adapt
