// What the flags of whet bench say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/model_flags.h"
#include "cli/speculation_measurement.h"

namespace whet {

struct BenchOptions {
  std::vector<std::string> models;
  std::string n_prompt = "512", n_gen = "128", n_depth = "0", n_parallel = "1", threads = "0";
  std::vector<std::string> pairs;  // -pg P,N
  int repetitions = 5;
  int64_t batch = 512;
  std::string output = "md";
  CacheFlags cache;
  StorageFlags storage;
  std::string sparsity = "off";
  bool no_warmup = false;
  bool curve = false;
  bool kv = false;
  bool speculative = false;
  SpeculationBenchOptions speculation;
  bool scenarios = false;
  std::string scenario_file;
  int scenario_runs = 3;
};

/// Forms of the output; anything else is a file, where a measurement knows one.
inline constexpr std::string_view kBenchForms[] = {"md", "json", "jsonl", "csv"};
bool is_bench_form(std::string_view output);

/// 0 to 2^28; none of anything else.
std::optional<int64_t> parse_count(std::string_view text);
/// llama-bench's lists: "a,b", "first-last", "first-last+step". Errors name the flag.
Result<std::vector<int64_t>> parse_counts(std::string_view flag, const std::string& text);
/// Of -t where one number must stand. Errors: not 0 to kMaxThreads.
Result<int> parse_threads(const std::string& text);

}  // namespace whet
