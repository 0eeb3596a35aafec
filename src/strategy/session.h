// Session: one strategy at work on one question. It makes the requests, turns completions into
// candidates, counts every token, and ends with an outcome that always says what was chosen and
// why.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "strategy/strategy.h"

namespace whet::strategy {

/// Seed of sample `index`: the run's own seed for index 0, so that the first sample of a strategy
/// is the baseline's draw wherever their sampling is equal.
uint64_t sample_seed(uint64_t seed, size_t index);

/// The context's sampling at these temperatures, each sample with its own seed.
std::vector<SamplingParams> samples_at(const Context& context,
                                       const std::vector<double>& temperatures);

/// Picks a candidate among the eligible ones (indices are given, never empty); sets scores and
/// reasons where it has some. Returns the index and how it was selected.
struct Selection {
  size_t index;
  std::string how;
};
using Selector = std::function<Selection(std::vector<Candidate>&, const std::vector<size_t>&)>;

class Session {
 public:
  Session(const eval::Question& question, Generator& generator, const Context& context);

  /// One request with all `samples`; appends their candidates. `stream`: the text is what the user
  /// reads, so it goes to on_event and its first token counts.
  Status sample(const std::string& prompt, std::vector<SamplingParams> samples,
                const std::string& stage = "sample", bool stream = false, int64_t deadline_ns = 0);

  std::vector<Candidate>& candidates() { return outcome_.candidates; }
  bool out_of_time() const;
  bool cancelled() const;

  /// Selects among the eligible candidates. If there are none, generates a greedy answer (counted)
  /// and takes it; if time is up too, or without `greedy_fallback`, takes the text with the highest
  /// mean logprob. Never takes an empty text while another one exists.
  Result<Outcome> finish(const Selector& select, bool greedy_fallback = true);
  /// Takes the last candidate as it is: for strategies that make only one.
  Outcome finish_single();

 private:
  Outcome take(std::optional<size_t> index, std::string how);

  const eval::Question& question_;
  Generator& generator_;
  const Context& context_;
  Outcome outcome_;
};

}  // namespace whet::strategy
