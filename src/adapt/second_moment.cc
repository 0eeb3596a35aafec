#include "adapt/second_moment.h"

#include <algorithm>

#include "base/check.h"
#include "base/checked_math.h"

namespace whet::adapt {
namespace {

// Rows of the moment that are computed together: enough for the kernels to reuse what they read,
// few enough that little is computed above the diagonal.
constexpr int64_t kRowsPerProduct = 128;
constexpr int64_t kColumnsPerTask = 64;

constexpr int64_t begin_of_row(int64_t i) {
  return i * (i + 1) / 2;
}

}  // namespace

SecondMoment::SecondMoment(int64_t width)
    : width_(width), lower_(static_cast<size_t>(begin_of_row(width)), 0.0) {}

void SecondMoment::add(const float* rows, int64_t n, int64_t stride, std::span<const float> scale,
                       MomentScratch& scratch, ThreadPool& pool) {
  if (n == 0) return;
  float* transposed = scratch.transposed.reserve(static_cast<size_t>(width_ * n));
  pool.for_each(ceil_div(width_, kColumnsPerTask), [&](int64_t task) {
    const int64_t end = std::min((task + 1) * kColumnsPerTask, width_);
    for (int64_t c = task * kColumnsPerTask; c < end; ++c) {
      const float factor = scale.empty() ? 1.0f : scale[static_cast<size_t>(c)];
      for (int64_t t = 0; t < n; ++t) transposed[c * n + t] = rows[t * stride + c] * factor;
    }
  });
  for (int64_t begin = 0; begin < width_; begin += kRowsPerProduct) {
    const int64_t end = std::min(begin + kRowsPerProduct, width_);
    const Matrix weights{DType::F32, reinterpret_cast<const std::byte*>(transposed), end, n};
    float* products = scratch.products.reserve(static_cast<size_t>((end - begin) * end));
    const Projection projection{&weights, products};
    project(transposed + begin * n, end - begin, {&projection, 1}, scratch.projection, pool);
    pool.for_each(end - begin, [&](int64_t i) {
      double* sums = lower_.data() + begin_of_row(begin + i);
      const float* of_row = products + i * end;
      for (int64_t j = 0; j <= begin + i; ++j) sums[j] += of_row[j];
    });
  }
  n_rows_ += n;
}

std::vector<double> SecondMoment::matrix() const {
  std::vector<double> all(static_cast<size_t>(width_ * width_));
  for (int64_t i = 0; i < width_; ++i) {
    for (int64_t j = 0; j <= i; ++j) {
      const double value = lower_[static_cast<size_t>(begin_of_row(i) + j)];
      all[static_cast<size_t>(i * width_ + j)] = value;
      all[static_cast<size_t>(j * width_ + i)] = value;
    }
  }
  return all;
}

void SecondMoment::restore(std::span<const double> lower, int64_t n_rows) {
  WHET_CHECK(lower.size() == lower_.size());
  lower_.assign(lower.begin(), lower.end());
  n_rows_ = n_rows;
}

}  // namespace whet::adapt
