// Arithmetic with nothing around it: the ceiling that prefill is measured against.
#pragma once

#include "kernels/simd.h"

namespace whet::kernels {
namespace {

/// Independent accumulators: enough to hide the latency of any dot() or fma().
inline constexpr int kChains = 12;

/// n_rounds times kChains dot() steps: the inner step of every integer micro-kernel, each with a
/// fresh load of activations as there. Returns the multiply-adds done.
template <class S>
uint64_t int8_macs_of(uint64_t n_rounds, void* sink) {
  alignas(64) uint8_t codes[4 * S::kLanes];
  alignas(64) int8_t x[4 * kChains];
  for (int i = 0; i < 4 * S::kLanes; ++i) codes[i] = static_cast<uint8_t>(i % 16);
  for (int i = 0; i < 4 * kChains; ++i) x[i] = static_cast<int8_t>(i - 20);
  const auto w = S::load_i(codes);
  typename S::vi acc[kChains];
  unroll<kChains>([&](auto i) WHET_LAMBDA { acc[i] = S::zero_i(); });
  for (uint64_t round = 0; round < n_rounds; ++round) {
    // Or the compiler would load and multiply once, before the loop.
    __asm__ volatile("" : : "r"(x) : "memory");
    unroll<kChains>([&](auto i) WHET_LAMBDA { acc[i] = S::dot(acc[i], w, S::quad(x + 4 * i)); });
  }
  unroll<kChains>([&](auto i) WHET_LAMBDA { acc[0] = i == 0 ? acc[0] : S::add32(acc[0], acc[i]); });
  S::store_i(sink, acc[0]);
  return n_rounds * kChains * 4 * S::kLanes;
}

/// The same of fused multiply-adds on f32.
template <class S>
uint64_t float_macs_of(uint64_t n_rounds, void* sink) {
  alignas(64) float weights[S::kLanes];
  float x[kChains];
  for (int i = 0; i < S::kLanes; ++i) weights[i] = 0.5f;
  for (int i = 0; i < kChains; ++i) x[i] = 0.25f;
  const auto w = S::load_f(weights);
  typename S::vf acc[kChains];
  unroll<kChains>([&](auto i) WHET_LAMBDA { acc[i] = S::zero_f(); });
  for (uint64_t round = 0; round < n_rounds; ++round) {
    __asm__ volatile("" : : "r"(x) : "memory");
    unroll<kChains>([&](auto i) WHET_LAMBDA { acc[i] = S::fma(w, S::set1_f(x[i]), acc[i]); });
  }
  unroll<kChains>([&](auto i) WHET_LAMBDA { acc[0] = i == 0 ? acc[0] : S::add(acc[0], acc[i]); });
  S::store_f(static_cast<float*>(sink), acc[0]);
  return n_rounds * kChains * S::kLanes;
}

}  // namespace
}  // namespace whet::kernels
