// Scenarios: requests of a named size, as a user would send them one at a time, so that models,
// containers and engines can be compared on the same work.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "generator/generator.h"

namespace whet {

struct Scenario {
  std::string name;
  int64_t n_prompt = 0;  // tokens
  int64_t n_gen = 0;     // tokens, 2 or more: between them is what is timed
};

/// short 20 + 15, medium 100 + 75, code 150 + 112, long 200 + 150 tokens.
std::vector<Scenario> built_in_scenarios();

/// An array of {"name": ..., "prompt_tokens": ..., "generated_tokens": ...}; `origin` is named in
/// errors (kInvalidArgument).
Result<std::vector<Scenario>> parse_scenarios(std::string_view text, const std::string& origin);

struct ScenarioRun {
  int64_t n_prompt_tok = 0, n_cached_tok = 0, n_output_tok = 0;
  double first_token_s = 0;  // from the request
  double total_s = 0;
  uint64_t kv_committed_bytes = 0;  // 0 where the engine does not say

  /// Of the tokens behind the first.
  double seconds_per_token() const {
    return (total_s - first_token_s) / static_cast<double>(n_output_tok - 1);
  }
  double tokens_per_second() const { return static_cast<double>(n_output_tok) / total_s; }
};

/// A model that scenarios are run on; knows how many words its prompts need.
class ScenarioSubject {
 public:
  /// `ignores_eos`: whether the engine can be told to go on behind an end of text.
  ScenarioSubject(Generator& model, bool ignores_eos) : model_(model), ignores_eos_(ignores_eos) {}

  /// Plain text that no earlier run began with, so that no cache of prefixes helps; greedy.
  /// Errors: the generator's; kUnavailable where fewer than 2 tokens came or prompts are not
  /// counted.
  Result<ScenarioRun> run(const Scenario& scenario, uint64_t index, const CancelFlag* cancel);

 private:
  Result<int64_t> tokens_of(int64_t n_words, const CancelFlag* cancel);
  Result<int64_t> words_for(int64_t n_tokens, const CancelFlag* cancel);

  Generator& model_;
  const bool ignores_eos_;
  std::vector<std::pair<int64_t, int64_t>> known_words_;  // by tokens
};

}  // namespace whet
