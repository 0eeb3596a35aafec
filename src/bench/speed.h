// Speed of prefill and decode as llama-bench measures it: fixed random tokens, no tokenising, no
// sampling, each repetition on an empty (or prefilled) context.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace whet {

struct SpeedCase {
  int64_t n_prompt = 0;    // tokens to prefill
  int64_t n_gen = 0;       // steps to decode, after the prompt
  int64_t n_depth = 0;     // tokens of context before the measurement
  int64_t n_parallel = 1;  // sequences decoded together

  /// llama-bench's name: pp512, tg128, "pp512 @ d1024"; "tg128 x3" for parallel sequences.
  std::string name() const;
};

struct SpeedSamples {
  SpeedCase test;
  std::vector<int64_t> ns;  // one per repetition
  /// The highest resident set of the process in a repetition; nullopt where it cannot be told.
  std::optional<uint64_t> peak_rss_bytes;
  /// Tokens that one repetition processes.
  int64_t tokens() const { return test.n_prompt + test.n_gen * test.n_parallel; }
  std::vector<double> tokens_per_second() const;
};

/// One repetition after an optional warm-up. Errors: longer than the context, cancelled.
Result<int64_t> time_once(Engine& engine, const SpeedCase& test, const CancelFlag* cancel);

uint64_t matrix_bytes(const Matrix& matrix);
/// Bytes of weights that one decoding step reads (each matrix once, one embedding row).
uint64_t bytes_per_step(const Engine& engine);

}  // namespace whet
