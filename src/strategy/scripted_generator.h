// ScriptedGenerator: a Generator without a model, for tests of everything behind the door. It
// answers from a script, with known token counts, logprobs and latencies, and records what it was
// asked. Time is its own: a clock that only its work and advance() move, so that no test depends on
// how busy the machine is.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "generator/generator.h"

namespace whet::strategy {

struct ScriptedCompletion {
  std::string text;
  double mean_logprob = -0.5;
  FinishReason finish = FinishReason::kStop;
  int64_t n_tok = 4;  // tokens sampled
  /// Where given, an event each, and what a listener may end the sample at; else one event has all.
  std::vector<TokenInfo> tokens = {};
};

struct ScriptedLatency {
  int64_t prefill_ns = 0;
  int64_t per_token_ns = 0;  // of a step; all completions of a request step together
};

class ScriptedGenerator : public Generator {
 public:
  /// The completion of sample `index` of request number `call`.
  using Script =
      std::function<ScriptedCompletion(const GenerateRequest& request, size_t call, size_t index)>;
  explicit ScriptedGenerator(Script script, ScriptedLatency latency = {})
      : script_(std::move(script)), latency_(latency) {}
  /// Completions in order, over all requests and samples; then empty texts.
  explicit ScriptedGenerator(std::vector<ScriptedCompletion> completions,
                             ScriptedLatency latency = {});

  /// All samples step together; each step is told of in order of samples, and what a listener ends
  /// keeps what was sampled until then and takes no further time. A deadline cuts completions off
  /// (kTime), a cancel flag that is set (by the script, say) too (kCancelled). The prompt's length
  /// is its number of words.
  Result<GenerateResult> generate(const GenerateRequest& request, const EventSink& on_event,
                                  const CancelFlag* cancel) override;
  /// The log-probability of each word of `continuation` is that of the next scripted completion.
  Result<std::vector<TokenInfo>> score(const Prompt& prompt, std::string_view continuation,
                                       const CancelFlag* cancel) override;
  Result<std::optional<int64_t>> count_prompt_tokens(const GenerateRequest& request) override;
  const ModelDescription& describe() const override { return description_; }

  /// Its time, for everything that is tested with it: nanoseconds, never 0.
  std::function<int64_t()> clock() const {
    return [this] { return now_ns_; };
  }
  void advance(int64_t ns) { now_ns_ += ns; }

  /// The next request fails with this.
  void fail_next(Error error) { failures_.push_back(std::move(error)); }
  const std::vector<GenerateRequest>& requests() const { return requests_; }

 private:
  /// A completion on its way: its script, and what has been told of it.
  struct Told {
    const ScriptedCompletion* script;
    int64_t last_step;  // the one that it ends with
    size_t n_told = 0;  // tokens
    bool over = false;
  };
  /// Tells of all steps of `result`, each at its time, and cuts what the listener ends.
  void tell(const EventSink& on_event, std::vector<Told>& told, GenerateResult& result);
  /// One step of one sample.
  static Continue tell_step(const EventSink& on_event, size_t index, int64_t step, Told& told,
                            const Completion& completion);

  Script script_;
  ScriptedLatency latency_;
  ModelDescription description_{.name = "scripted"};
  std::vector<GenerateRequest> requests_;
  std::deque<Error> failures_;
  double last_mean_logprob_ = 0;
  int64_t now_ns_ = 1'000'000'000;
};

}  // namespace whet::strategy
