// The rotations of a model: one of its residual stream, one of what each KV head's values become.
#pragma once

#include <vector>

#include "adapt/calibration.h"
#include "adapt/principal_axes.h"
#include "base/result.h"
#include "par/thread_pool.h"

namespace whet::adapt {

struct Rotations {
  PrincipalAxes residual;
  std::vector<PrincipalAxes> heads;  // in the order of Moments::heads
};

/// Errors: as principal_axes().
Result<Rotations> rotations_of(const Moments& moments, ThreadPool& pool);

}  // namespace whet::adapt
