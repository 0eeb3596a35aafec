#include "adapt/principal_axes.h"

#include <fmt/format.h>

#include <Eigen/Eigenvalues>
#include <cmath>

namespace whet::adapt {
namespace {

constexpr double kMostDistance = 1e-5;

}  // namespace

double distance_from_orthogonal(std::span<const float> axes, int64_t width) {
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::MatrixXd a = Eigen::Map<const Rows>(axes.data(), width, width).cast<double>();
  Eigen::MatrixXd product = a * a.transpose();
  product.diagonal().array() -= 1;
  return product.cwiseAbs().rowwise().sum().maxCoeff();
}

Result<PrincipalAxes> principal_axes(std::span<const double> moment, int64_t width) {
  for (const double value : moment) {
    if (std::isfinite(value)) continue;
    return Error(ErrorCode::kInvalidModel,
                 "expected finite activations on the calibration text, found a NaN or an infinity");
  }
  const Eigen::Map<const Eigen::MatrixXd> symmetric(moment.data(), width, width);
  // A row-major lower triangle is a column-major upper one, hence the transpose.
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(symmetric.transpose());
  if (solver.info() != Eigen::Success) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("the eigenvectors of a moment [{}, {}] were not found in {} rounds",
                             width, width, solver.m_maxIterations));
  }
  PrincipalAxes found{width, std::vector<float>(moment.size()), {}};
  for (int64_t j = 0; j < width; ++j) {
    const int64_t column = width - 1 - j;  // Eigen: by rising eigenvalue
    const auto axis = solver.eigenvectors().col(column);
    Eigen::Index largest = 0;
    axis.cwiseAbs().maxCoeff(&largest);
    const double sign = axis[largest] < 0 ? -1 : 1;
    for (int64_t i = 0; i < width; ++i) {
      found.axes[static_cast<size_t>(j * width + i)] = static_cast<float>(sign * axis[i]);
    }
    found.powers.push_back(solver.eigenvalues()[column]);
  }
  const double distance = distance_from_orthogonal(found.axes, width);
  if (!(distance < kMostDistance)) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("axes of {} dimensions: expected A A^T within {} of the identity, "
                             "found {}",
                             width, kMostDistance, distance));
  }
  return found;
}

}  // namespace whet::adapt
