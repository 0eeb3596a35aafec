// Linear layers on the thread team: y = x · Wᵀ for one or several W that share x.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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

/// Buffers for activations in the form that each kind of weight wants.
struct ProjectionScratch {
  /// Multiplies quantised weights as the floats that they stand for, with activations as they are:
  /// bit-equal to the same model stored in F32, and many times slower. For comparisons.
  bool exact = false;
  AlignedBuffer<std::byte> prepared[kernels::kActivationForms];  // by ActivationForm
};

/// Shapes: x [T, D] f32 rows; every W has D columns; y must not alias x.
/// Determinism: bit-equal for any T and thread count.
void project(const float* x, int64_t n_tokens, std::span<const Projection> projections,
             ProjectionScratch& scratch, ThreadPool& pool);

}  // namespace whet
