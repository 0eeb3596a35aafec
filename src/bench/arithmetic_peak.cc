#include "bench/arithmetic_peak.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/clock.h"
#include "kernels/kernels.h"

namespace whet {
namespace {

constexpr uint64_t kRounds = 100'000;  // of a burst: about a millisecond
constexpr int kPeakRepetitions = 20;

double best_rate(ThreadPool& pool, uint64_t (*multiply)(uint64_t, void*)) {
  double best = 0;
  for (int repetition = 0; repetition < kPeakRepetitions; ++repetition) {
    std::atomic<uint64_t> macs{0};
    const int64_t start = monotonic_ns();
    pool.for_each(4 * pool.size(), [&](int64_t) {
      alignas(64) unsigned char sink[64];
      macs += multiply(kRounds, sink);
    });
    const auto seconds = static_cast<double>(monotonic_ns() - start) * 1e-9;
    best = std::max(best, static_cast<double>(macs) / seconds);
  }
  return best;
}

}  // namespace

ArithmeticPeak measure_arithmetic_peak(ThreadPool& pool) {
  const kernels::KernelTable& kernel = kernels::kernels();
  const double float_rate = best_rate(pool, kernel.float_macs);
  return {best_rate(pool, kernel.int8_macs), float_rate,
          kernel.bf16_pairs ? best_rate(pool, kernel.bf16_macs) : float_rate};
}

}  // namespace whet
