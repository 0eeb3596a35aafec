// How a server answers under load, as its clients see it: through the one door, so that our own
// engine and every other one are measured alike.
//
// Closed loop: as many clients as asked, each with its next request when it has its answer. Open
// loop: requests come at random (Poisson) at a given rate whatever the server does, and each is
// timed from when it was due, so that a server that stalls is not measured less often.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "generator/generator.h"
#include "stats/estimate.h"

namespace whet {

struct ServingLoad {
  int concurrency = 1;  // closed loop; not used where `rate` is set
  double rate = 0;      // > 0: open loop, requests per second
  int64_t n_requests = 50;
  int64_t n_warmup = 2;  // uncounted requests before
  int64_t prompt_tokens = 256;
  int64_t output_tokens = 64;
  bool ignore_eos = true;  // else answers may be shorter
  uint64_t seed = 1;       // of prompts and arrivals

  /// "4 at once", "0.5/s".
  std::string name() const;
};

/// One request. Times are monotonic nanoseconds.
struct ServingSample {
  int64_t due_ns = 0;  // when it was to be sent
  int64_t first_token_ns = 0;
  int64_t end_ns = 0;
  std::vector<int64_t> token_ns;
  int64_t n_prompt_tok = 0, n_cached_tok = 0, n_output_tok = 0;
  std::optional<Error> error;  // then nothing else counts
};

struct ServingRun {
  std::vector<ServingSample> samples;
  int64_t start_ns = 0, end_ns = 0;
};

/// Prompts of some number of tokens that share no beginning, so that no cache of prefixes helps.
class UniquePrompts {
 public:
  explicit UniquePrompts(uint64_t seed) : seed_(seed) {}
  /// The `index`-th prompt, of `n_words` words.
  std::string text(uint64_t index, int64_t n_words) const;

 private:
  uint64_t seed_;
};

/// The words that give a prompt of `n_tokens` with this model; two small requests find it. Errors:
/// the generator's; kUnavailable where it does not count its prompts.
Result<int64_t> words_for_tokens(Generator& model, const UniquePrompts& prompts, int64_t n_tokens,
                                 const CancelFlag* cancel);

/// Runs the load. A request that fails is a sample with an error. `first_prompt`: index of the
/// first prompt, so that runs do not repeat each other's. Errors: kCancelled.
Result<ServingRun> run_serving(Generator& model, const ServingLoad& load, int64_t n_words,
                               uint64_t first_prompt, const CancelFlag* cancel,
                               const std::function<void(int64_t n_done)>& on_progress);

/// Figures of runs under the same load.
struct ServingFigures {
  int64_t n_ok = 0, n_failed = 0;
  int64_t n_prompt_tok = 0, n_cached_tok = 0, n_output_tok = 0;
  double seconds = 0;  // of all runs
  double requests_per_second = 0;
  double output_tokens_per_second = 0;
  std::optional<stats::Interval> output_rate_interval;  // between runs, from 3 of them on

  /// In seconds. A percentile is there only where enough samples lie above it: p90 from 10 on, p95
  /// from 20, p99 from 100.
  struct Times {
    int64_t n = 0;
    std::optional<double> mean, p50, p90, p95, p99;
    std::optional<stats::Interval> p50_interval;  // bootstrap over requests
  };
  Times ttft;     // due to first token
  Times itl;      // between the arrivals of one token and the next
  Times tpot;     // of a request: first to last token, over the tokens behind the first
  Times latency;  // due to last token
};
ServingFigures serving_figures(const std::vector<ServingRun>& runs);

}  // namespace whet
