#include "model/rotation.h"

#include <cmath>

namespace whet {
namespace {

std::vector<double> frequencies(int64_t n_rotated, double theta,
                                const std::vector<float>& factors) {
  std::vector<double> all;
  for (int64_t i = 0; i < n_rotated / 2; ++i) {
    const double exponent = -2.0 * static_cast<double>(i) / static_cast<double>(n_rotated);
    const double factor = factors.empty() ? 1.0 : factors[static_cast<size_t>(i)];
    all.push_back(std::pow(theta, exponent) / factor);
  }
  return all;
}

}  // namespace

Rotation::Rotation(const RopeForm& form)
    : form_(form), usual_(frequencies(form.n_rotated, form.theta, form.factors)) {
  if (!form.long_factors.empty()) {
    long_ = frequencies(form.n_rotated, form.theta, form.long_factors);
  }
}

std::span<const double> Rotation::frequencies_at(int64_t position, int64_t capacity) {
  if (!long_.empty() && capacity > form_.original_context) return long_;
  if (form_.dynamic_factor == 0 || position < form_.original_context) return usual_;
  const double seen = static_cast<double>(position + 1);
  const double stretch = form_.dynamic_factor * seen / static_cast<double>(form_.original_context) -
                         (form_.dynamic_factor - 1);
  const auto n = static_cast<double>(form_.n_rotated);
  grown_ = frequencies(form_.n_rotated, form_.theta * std::pow(stretch, n / (n - 2)), {});
  return grown_;
}

void Rotation::compute(std::span<const StepSegment> segments) {
  const size_t half = usual_.size();
  size_t n_tokens = 0;
  for (const StepSegment& segment : segments) n_tokens += segment.tokens.size();
  float* cosine = cosines_.reserve(n_tokens * half);
  float* sine = sines_.reserve(n_tokens * half);
  const double magnitude = form_.magnitude;
  for (const StepSegment& segment : segments) {
    const int64_t capacity = segment.kv->shape().capacity;
    for (size_t i = 0; i < segment.tokens.size(); ++i, cosine += half, sine += half) {
      const int64_t position = segment.kv->size() + static_cast<int64_t>(i);
      const std::span<const double> frequency = frequencies_at(position, capacity);
      for (size_t f = 0; f < half; ++f) {
        const double angle = static_cast<double>(position) * frequency[f];
        cosine[f] = static_cast<float>(std::cos(angle) * magnitude);
        sine[f] = static_cast<float>(std::sin(angle) * magnitude);
      }
    }
  }
}

void Rotation::apply(float* heads, int64_t n_heads, int64_t head_dim, int64_t t) const {
  const int64_t half = form_.n_rotated / 2;
  kernels::kernels().rope({.x = heads,
                           .n_heads = static_cast<size_t>(n_heads),
                           .head_dim = static_cast<size_t>(head_dim),
                           .n_rotated = static_cast<size_t>(form_.n_rotated),
                           .pairing = form_.pairing,
                           .cosines = cosines_.data() + t * half,
                           .sines = sines_.data() + t * half});
}

}  // namespace whet
