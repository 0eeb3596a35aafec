// whet bench --speculative: speed with and without speculation, in words, numbers and a picture.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/model_flags.h"

namespace whet {

struct SpeculationBenchOptions {
  ModelFlags model;         // with the flags of speculation
  std::string prompt;       // the only one; empty = those of the files
  std::string prompt_file;  // JSON lines; empty = the built-in ones
  std::string categories;   // comma list; empty = all
  int64_t n_predict = 128;
  int iterations = 2;
  bool skip_vanilla = false;
  SamplingFlags sampling;  // greedy unless flags say otherwise
  uint64_t seed = 1;
};

/// Measures, with progress on stderr. Errors: those of loading, prompts and requests.
Result<nlohmann::ordered_json> bench_speculation(const SpeculationBenchOptions& options);

/// Tables of what was measured, on stdout.
void print_speculation_markdown(const nlohmann::ordered_json& result);

/// Speed-ups by category with their intervals, as SVG. Errors: those of gnuplot; nothing to draw.
Result<std::string> draw_speculation(const nlohmann::ordered_json& result);

}  // namespace whet
