#include "load/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace whet {
namespace {

double frequency(int64_t i, int64_t n_rotated, double theta) {
  return std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(n_rotated));
}

}  // namespace

std::vector<float> linear_factors(int64_t n_rotated, double factor) {
  return std::vector<float>(static_cast<size_t>(n_rotated / 2), static_cast<float>(factor));
}

std::vector<float> llama3_factors(int64_t n_rotated, double theta, const Llama3Scaling& s) {
  std::vector<float> factors;
  for (int64_t i = 0; i < n_rotated / 2; ++i) {
    const double wavelength = 2 * std::numbers::pi / frequency(i, n_rotated, theta);
    double divisor = 1;
    if (wavelength > s.original_context / s.low_freq) {
      divisor = s.factor;
    } else if (wavelength > s.original_context / s.high_freq) {
      const double smooth =
          (s.original_context / wavelength - s.low_freq) / (s.high_freq - s.low_freq);
      divisor = 1 / ((1 - smooth) / s.factor + smooth);
    }
    factors.push_back(static_cast<float>(divisor));
  }
  return factors;
}

std::vector<float> yarn_factors(int64_t n_rotated, double theta, const YarnScaling& s) {
  // The pair that turns `turns` times within the original context.
  const auto pair_of = [&](double turns) {
    return static_cast<double>(n_rotated) *
           std::log(s.original_context / (turns * 2 * std::numbers::pi)) / (2 * std::log(theta));
  };
  double low = pair_of(s.beta_fast), high = pair_of(s.beta_slow);
  if (s.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(n_rotated - 1));
  if (low == high) high += 0.001;
  std::vector<float> factors;
  for (int64_t i = 0; i < n_rotated / 2; ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    factors.push_back(static_cast<float>(1 / (ramp / s.factor + (1 - ramp))));
  }
  return factors;
}

double yarn_magnitude(double factor, double weight) {
  return factor <= 1 ? 1.0 : 0.1 * weight * std::log(factor) + 1;
}

}  // namespace whet
