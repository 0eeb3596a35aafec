#include "engine/state_pool.h"

#include <cmath>

namespace whet {

StatePool::StatePool(Pooling pooling, int64_t width, int64_t n_prompt)
    : pooling_(pooling), width_(width), n_prompt_(n_prompt), sum_(static_cast<size_t>(width)) {}

float* StatePool::receive(int64_t n) {
  received_.resize(static_cast<size_t>(n * width_));
  return received_.data();
}

void StatePool::add(int64_t first) {
  const auto width = static_cast<size_t>(width_);
  for (size_t row = 0; row * width < received_.size(); ++row) {
    const int64_t position = first + static_cast<int64_t>(row);
    if (pooling_ == Pooling::kFirst && position != 0) continue;
    if (pooling_ == Pooling::kLast && position != n_prompt_ - 1) continue;
    for (size_t i = 0; i < width; ++i) sum_[i] += double{received_[row * width + i]};
  }
}

std::vector<float> StatePool::take() const {
  const double n = pooling_ == Pooling::kMean ? static_cast<double>(n_prompt_) : 1;
  std::vector<float> values;
  for (double sum : sum_) values.push_back(static_cast<float>(sum / n));
  return values;
}

void normalise_length(std::vector<float>& values) {
  double square = 0;
  for (float v : values) square += double{v} * double{v};
  if (square == 0) return;
  const double length = std::sqrt(square);
  for (float& v : values) v = static_cast<float>(double{v} / length);
}

}  // namespace whet
