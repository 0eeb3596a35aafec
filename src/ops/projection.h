// Linear layers on the thread team: y = x · Wᵀ for one or several W that share x.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "kernels/kernels.h"
#include "par/thread_pool.h"
#include "tensor/matrix.h"

namespace whet {

/// One product of a projection: y [T, W.rows] f32 with rows at y + t * W.rows.
struct Projection {
  const Matrix* weights;
  float* y;
};

/// What single rows read of weights of which they skip channels, and what zeros spared them, in
/// bytes.
struct ChannelTraffic {
  uint64_t read = 0, skipped = 0;
};

/// Sees what enters the products of a forward pass: for importance matrices and calibration.
class ProjectionObserver {
 public:
  virtual ~ProjectionObserver() = default;
  /// Before `weights` are multiplied by x [T, weights.columns]; on the thread that called
  /// forward(). A matrix is known by its `data`. Of experts each is seen with the rows that chose
  /// it.
  virtual void observe(const Matrix& weights, const float* x, int64_t n_tokens) = 0;
};

/// Buffers for activations in the form that each kind of weight wants.
struct ProjectionScratch {
  /// Multiplies quantised weights as the floats that they stand for, with activations as they are:
  /// bit-equal to the same model stored in F32, and many times slower. For comparisons.
  bool exact = false;
  ProjectionObserver* observer = nullptr;  // told of every product; none: nobody is
  AlignedBuffer<std::byte> prepared[kernels::kActivationForms];  // by ActivationForm
  ChannelTraffic traffic;
  std::vector<uint32_t> kept;
  AlignedBuffer<kernels::ChannelActivations> channels;
  AlignedBuffer<float> part_sums;
};

/// Shapes: x [T, D] f32 rows; every W has D columns; y must not alias x.
/// A single row that is zero in a tenth of its columns or more reads only the channels of the
/// others, where every W has a copy by channel. Without, it reads whole groups of 32 columns, where
/// a tenth of those of the types that kernels::skips_groups() names is zero. Determinism: bit-equal
/// for any T and thread count, but that a row by channels adds up in parts of its own, which do not
/// depend on threads either.
void project(const float* x, int64_t n_tokens, std::span<const Projection> projections,
             ProjectionScratch& scratch, ThreadPool& pool);

}  // namespace whet
