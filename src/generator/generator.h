// Generator: the one door to a model for strategies, experiments, the command line and the server.
// The local engine, remote engines and the scripted fake of the tests implement it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "generator/embedding.h"
#include "generator/events.h"
#include "generator/request.h"

namespace whet {

/// What answers. A remote engine leaves out what it cannot know.
struct ModelDescription {
  std::string name;  // as the user gave it: a path or an address
  std::string architecture = {};
  std::string type = {};        // of most weights, "Q4_K"
  int64_t n_parameters = 0;     // 0 = unknown
  uint64_t n_bytes = 0;         // of the weights; 0 = unknown
  int64_t context = 0;          // positions that a request may use
  int64_t trained_context = 0;  // positions that the model was trained for; 0 = unknown
  int32_t vocab_size = 0;       // rows of logits; 0 = unknown
  int64_t embedding_size = 0;   // values of an embedding; 0 = it gives none
  bool has_chat_template = false;
  std::string endpoint = {};  // of a remote engine
  struct {
    bool logprobs = true;
    bool prompt_logprobs = true;
    bool shared_prefill = true;  // n samples read their prompt once
    bool ids = true;             // takes and gives token ids
  } can = {};
};

/// Set from another thread or a signal handler; generation stops at the next step.
class CancelFlag {
 public:
  void cancel() { flag_.store(true, std::memory_order_relaxed); }
  void clear() { flag_.store(false, std::memory_order_relaxed); }
  bool cancelled() const { return flag_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> flag_{false};
};

class Generator {
 public:
  virtual ~Generator() = default;
  virtual const ModelDescription& describe() const = 0;
  /// Errors: prompt longer than the context (says both lengths), bad parameter (names it),
  /// template failure. A cancelled request returns what it has, with FinishReason::kCancelled.
  /// Threads: safe.
  virtual Result<GenerateResult> generate(const GenerateRequest& request,
                                          const EventSink& on_event = nullptr,
                                          const CancelFlag* cancel = nullptr) = 0;
  /// Log-probability of each token of `continuation` behind `prompt`: multiple choice, P(True).
  /// Errors: as generate(); kUnavailable where the engine cannot.
  virtual Result<std::vector<TokenInfo>> score(const Prompt& prompt, std::string_view continuation,
                                               const CancelFlag* cancel = nullptr) = 0;
  /// Tokens that `request` would prefill, without running it; none where that is unknown.
  virtual Result<std::optional<int64_t>> count_prompt_tokens(const GenerateRequest& request) = 0;
  /// A vector of each input. Errors: an empty input, one longer than the context (both name it);
  /// kCancelled; kUnavailable where the engine gives none.
  virtual Result<std::vector<Embedding>> embed(const EmbedRequest& request,
                                               const CancelFlag* cancel = nullptr);
};

}  // namespace whet
