// Session: one strategy at work on one question. It makes the requests, turns completions into
// candidates, counts every token, and ends with an outcome that always says what was chosen and
// why.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "strategy/strategy.h"

namespace whet::strategy {

/// Seed of sample `index`: the run's own seed for index 0, so that the first sample of a strategy
/// is the baseline's draw wherever their sampling is equal.
uint64_t sample_seed(uint64_t seed, size_t index);

/// Picks a candidate among the eligible ones (indices are given, never empty); sets scores and
/// reasons where it has some. Returns the index and how it was selected.
struct Selection {
  size_t index;
  std::string how;
};
using Selector = std::function<Selection(std::vector<Candidate>&, const std::vector<size_t>&)>;

/// One request. What is left out is the question's, or the context's.
struct Ask {
  std::vector<SamplingParams> samples;
  std::string stage = "sample";
  std::vector<ChatMessage> messages = {};  // the conversation that is sent
  /// The last message is of the assistant and goes on; candidates' texts begin with it.
  bool continues = false;
  bool is_step = false;        // the texts are not answers: a critique, a plan, a rating
  bool stream = false;         // the user reads the text as it comes; its first token counts
  int64_t max_tokens = -1;     // per completion
  int top_logprobs = 0;        // > 0 or `spread`: candidates keep their tokens
  bool spread = false;         // of each token's distribution
  int64_t deadline_ns = 0;     // besides the context's
  EventSink watch = {};        // sees the tokens; may end samples early
  std::string ended_why = {};  // reason of the candidates that `watch` ended
};

class Session {
 public:
  Session(const eval::Question& question, Generator& generator, const Context& context);

  const eval::Question& question() const { return question_; }
  Generator& generator() { return generator_; }
  const Context& context() const { return context_; }

  /// Samples at these temperatures, or `n` at one, with seeds that this session has not used yet.
  std::vector<SamplingParams> draws(const std::vector<double>& temperatures);
  std::vector<SamplingParams> draws(size_t n, double temperature);

  /// One request; returns the indices of its candidates. After the first request, and if the time
  /// is up or the user cancelled, asks nothing and returns none. A later request that the engine
  /// refuses (a prompt longer than the context) returns none too, and stands in Outcome::skipped.
  Result<std::vector<size_t>> ask(Ask ask);

  /// The question itself with all `samples`.
  Status sample(std::vector<SamplingParams> samples, const std::string& stage = "sample",
                bool stream = false, int64_t deadline_ns = 0);
  /// The question's conversation with `text` as its last turn, one answer; none if stopped().
  Result<std::optional<size_t>> answer(const std::string& stage, const std::string& text,
                                       double temperature);
  /// The same for a text that is no answer; "" if stopped() or if nothing came.
  Result<std::string> step(const std::string& stage, const std::string& text, double temperature,
                           int64_t max_tokens = -1);
  /// Sum of the log-probabilities of `continuation` behind `prompt`; counted as a call that reads
  /// both. None if stopped(). Errors: those of Generator::score().
  Result<std::optional<double>> score(const Prompt& prompt, std::string_view continuation);
  /// What the model reads of `messages`; `continues`: the last one is the assistant's, and goes on.
  Prompt prompt_of(const std::vector<ChatMessage>& messages, bool continues = false) const;

  /// A candidate made of `text`, judged as if it had been generated; nothing is counted.
  Candidate judged(std::string text, FinishReason finish = FinishReason::kStop) const;
  /// Puts a text that the strategy cut out of a candidate in its place, and judges it again.
  void replace_text(size_t index, std::string text);
  /// Makes a candidate one that the strategy ended: it cannot be chosen any more.
  void end(size_t index, std::string why);
  /// Adds a candidate that costs nothing, made from others' texts.
  size_t add(Candidate candidate);

  std::vector<Candidate>& candidates() { return outcome_.candidates; }
  std::vector<size_t> eligible() const;
  bool out_of_time() const;
  bool cancelled() const;
  bool stopped() const { return cancelled() || out_of_time(); }

  /// Selects among the eligible candidates. If there are none, generates a greedy answer (counted)
  /// and takes it; if time is up too, or without `greedy_fallback`, takes the text with the highest
  /// mean logprob. Never takes an empty text while another one exists.
  Result<Outcome> finish(const Selector& select, bool greedy_fallback = true);
  /// finish() with the usual rule (selection.h), unless `index` is eligible: then that, with `how`.
  Result<Outcome> finish_preferring(std::optional<size_t> index, const std::string& how);
  /// Takes the last candidate as it is: for strategies that make only one.
  Outcome finish_single();

 private:
  Outcome take(std::optional<size_t> index, std::string how);

  const eval::Question& question_;
  Generator& generator_;
  const Context& context_;
  Outcome outcome_;
  size_t n_drawn_ = 0;
};

}  // namespace whet::strategy
