// The least time that a test could take on this machine: every weight read once per pass at the
// measured bandwidth, or every multiply-add done at the measured peak, whichever is longer.
#pragma once

#include <optional>

#include "bench/arithmetic_peak.h"
#include "bench/speed.h"

namespace whet {

struct Ceilings {
  std::optional<double> read_bytes_per_second;  // none: not measured for want of memory
  ArithmeticPeak arithmetic;
};

Ceilings measure_ceilings(ThreadPool& pool);

/// Seconds; none without the ceiling of reading. Counts the weights of all layers and of the head
/// (of prefill: for its last token), and the keys and values that decoding reads; leaves out the
/// arithmetic of attention. Of experts, those that one token uses: the tokens of a batch may use
/// more.
std::optional<double> roofline_seconds(const Engine& engine, const SpeedCase& test,
                                       const Ceilings& ceilings);

}  // namespace whet
