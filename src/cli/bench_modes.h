// What whet bench measures instead of prefill and decode. Each returns the exit status.
#pragma once

#include "cli/bench_options.h"

namespace whet {

int bench_mode_kv(const BenchOptions& options);
/// Tables on stdout; the whole in FILE.json, and a picture beside it, where -o names a file.
int bench_mode_speculative(const BenchOptions& options);
/// The same, with a CSV file of all runs.
int bench_mode_scenarios(const BenchOptions& options);

}  // namespace whet
