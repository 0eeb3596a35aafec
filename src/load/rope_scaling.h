// Divisors of rotary frequencies that stretch a model's context, as Hugging Face's transformers
// documents them by rope_type. All give [n_rotated/2].
#pragma once

#include <cstdint>
#include <vector>

namespace whet {

std::vector<float> linear_factors(int64_t n_rotated, double factor);

/// Low frequencies are divided by `factor`, high ones kept, those between blended.
struct Llama3Scaling {
  double factor = 1, low_freq = 1, high_freq = 4, original_context = 1;
};
std::vector<float> llama3_factors(int64_t n_rotated, double theta, const Llama3Scaling& scaling);

/// As Llama 3's, but the blend is linear in the number of the pair.
struct YarnScaling {
  double factor = 1, original_context = 1;
  double beta_fast = 32, beta_slow = 1;
  bool truncate = true;  // the ends of the blend to whole pairs
};
std::vector<float> yarn_factors(int64_t n_rotated, double theta, const YarnScaling& scaling);
/// 0.1 * weight * ln(factor) + 1: what YaRN multiplies queries and keys by.
double yarn_magnitude(double factor, double weight = 1);

}  // namespace whet
