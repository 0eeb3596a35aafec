// The directions in which vectors vary most: an orthogonal rotation after which few coordinates
// hold most of every vector.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace whet::adapt {

struct PrincipalAxes {
  int64_t width = 0;
  /// [width, width], row j is axis j, so that the coordinates of u are `axes` times u. By falling
  /// power, each with its largest element (the first of equals) positive: the same moment gives
  /// the same axes.
  std::vector<float> axes;
  std::vector<double> powers;  // eigenvalues, of each axis
};

/// Of a symmetric `moment` [width, width], without regard for what is above the diagonal.
/// Errors: kInvalidModel where it holds what is not finite, or its eigenvectors are not found, or
/// the axes as stored are further than 1e-5 from orthogonal.
Result<PrincipalAxes> principal_axes(std::span<const double> moment, int64_t width);

/// The largest sum of a row of |A A^T - I|, for `axes` [width, width].
double distance_from_orthogonal(std::span<const float> axes, int64_t width);

}  // namespace whet::adapt
