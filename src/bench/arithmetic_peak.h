// What the cores can multiply: the ceiling of prefill, which reuses every weight for many tokens.
#pragma once

#include "par/thread_pool.h"

namespace whet {

struct ArithmeticPeak {
  double int8_macs_per_second;   // multiply-adds of dot(), the step of all quantised types
  double float_macs_per_second;  // fused multiply-adds, the step of F32 and F16
  double bf16_macs_per_second;   // the same where the CPU does not multiply BF16
};

/// Best of several bursts of register arithmetic by all threads of the team, with the kernels of
/// the configured instruction set. Takes about 0.1 s.
ArithmeticPeak measure_arithmetic_peak(ThreadPool& pool);

}  // namespace whet
