// Strategy: spends inference time on one question and returns one answer, with every candidate,
// score and token on record. A client of Generator; it never sees an answer key. Steps, defaults
// and rules of each strategy: docs/strategies.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "eval/question.h"
#include "eval/sandbox.h"
#include "generator/generator.h"
#include "strategy/run_budget.h"

namespace whet::strategy {

struct Context {
  uint64_t seed = 0;
  SamplingParams sampling;       // the run's; its seed is replaced by ones made from `seed`
  int64_t max_tokens = -1;       // per completion
  bool raw_prompt = false;       // no chat template: the prompt goes in as it is
  std::string cache_scope = {};  // of cached prompts, GenerateRequest's
  int64_t deadline_ns = 0;       // monotonic; 0 = none
  int64_t time_budget_ns = 0;    // for a control: the time that it is given
  size_t n_in_time = 0;          // for a control: samples of a batch that end in that time
  const CancelFlag* cancel = nullptr;
  const eval::Sandbox* sandbox = nullptr;          // null: code is selected without running it
  int n_threads = 1;                               // for running public examples
  std::function<int64_t()> now_ns = monotonic_ns;  // the clock of times, deadline and budget
  const RunBudget* run_budget = nullptr;           // of this strategy in this run; null: no run
  bool every_candidate = false;  // all are wanted to their end, so that they can be graded
  EventSink on_event;            // called by strategies whose text can be read while it is made
};

struct Candidate {
  std::string stage = "sample";
  std::string text;
  double temperature = 0;
  FinishReason finish = FinishReason::kStop;
  int64_t n_completion_tok = 0;
  std::optional<double> mean_logprob;  // per token, over the whole completion
  std::optional<std::string> answer;   // extracted answer; code: none
  std::string key;                     // equal for candidates that a vote counts as one; "" = none
  std::optional<double> score;         // what the strategy ranked by
  std::vector<TokenInfo> tokens;       // where the strategy asked for them
  bool is_step = false;                // a critique, a plan, a rating: never an answer
  bool eligible = false;
  std::string reason;  // why it is not eligible, or why it was chosen
  bool chosen = false;
};

/// A later stage that the engine refused, as a rule because its prompt had outgrown the context.
struct SkippedStage {
  std::string stage, reason;
};

struct Outcome {
  std::string text;  // the answer; empty only if nothing at all was generated
  std::vector<Candidate> candidates;
  std::vector<SkippedStage> skipped;  // what there was without them was chosen from
  std::string how;                    // one line: how the answer was selected
  bool fell_back = false;             // no candidate was eligible
  int64_t n_prompt_tok = 0;           // of all calls
  int64_t n_completion_tok = 0;       // of all candidates of all calls
  int64_t n_calls = 0;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  std::optional<int64_t> first_token_ns;  // none where no text can be read before the end
  uint64_t kv_committed_bytes = 0;        // highest of the calls
  bool cancelled = false;

  const Candidate* chosen() const;
};

enum class Kind { kBaseline, kStrategy, kControl };
/// "baseline", "strategy", "control".
std::string_view kind_name(Kind kind);

/// Name and value of an option, every option listed.
using Options = std::vector<std::pair<std::string, std::string>>;

class Strategy {
 public:
  virtual ~Strategy() = default;
  /// Slug and the options that differ from their defaults: "best-of-n:n=5".
  const std::string& name() const { return name_; }
  const Options& options() const { return options_; }
  virtual Kind kind() const { return Kind::kStrategy; }
  /// Whether it chooses by log-probabilities where it has nothing better.
  virtual bool needs_logprobs() const { return false; }
  /// One sentence.
  virtual std::string description() const = 0;
  /// Errors: those of the generator. Running out of time or being cancelled is an outcome.
  virtual Result<Outcome> solve(const eval::Question& question, Generator& generator,
                                const Context& context) const = 0;
  /// A strategy that only changes the question says so here, and "a&b" asks b that question.
  virtual std::optional<eval::Question> rewritten(const eval::Question&) const { return {}; }

 private:
  friend Result<std::unique_ptr<Strategy>> make_strategy(std::string_view spec);
  friend Result<std::unique_ptr<Strategy>> make_single(std::string_view spec);
  std::string name_;
  Options options_;
};

}  // namespace whet::strategy
