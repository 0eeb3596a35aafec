// Engine: the local Generator. Owns a loaded model, its threads and scratch; serves one request at
// a time, all of whose completions share one prefill and are decoded in one batch.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "generator/generator.h"
#include "jinja/chat_template.h"
#include "load/loaded_model.h"
#include "model/forward.h"
#include "par/thread_pool.h"

namespace whet {

struct EngineOptions {
  int threads = 0;      // 0 = what affinity and cgroup quota allow
  int64_t context = 0;  // positions per sequence; 0 = the model's own
  int64_t batch = 512;  // most prompt tokens in one forward pass
  bool exact = false;   // quantised weights as floats, see ProjectionScratch: slow, for comparisons
  DType kv_type = DType::F16;  // of cached keys and values: F32, F16, BF16 or Q8_0
  std::string chat_template;   // Jinja source that replaces the model's own; empty = the model's
};

class Engine : public Generator {
 public:
  /// Errors: options out of range, a chat template that does not compile.
  static Result<std::unique_ptr<Engine>> create(LoadedModel loaded, const EngineOptions& options);

  const ModelDescription& describe() const override { return description_; }
  Result<GenerateResult> generate(const GenerateRequest& request,
                                  const EventSink& on_event = nullptr,
                                  const CancelFlag* cancel = nullptr) override;
  Result<std::vector<TokenInfo>> score(const Prompt& prompt, std::string_view continuation,
                                       const CancelFlag* cancel = nullptr) override;
  Result<std::optional<int64_t>> count_prompt_tokens(const GenerateRequest& request) override;

  /// A prompt as token ids: a conversation through the chat template, a text, or ids as they are.
  Result<std::vector<int32_t>> encode_prompt(const Prompt& prompt) const;
  /// A conversation in the parts that the model's chat template makes of it.
  Result<std::vector<PromptPart>> render_chat(const Conversation& conversation) const;

  /// Natural-log probability of tokens[i] given tokens[0..i), for i = 1 .. n-1.
  /// Errors: more tokens than the context; cancelled.
  Result<std::vector<double>> score(std::span<const int32_t> tokens,
                                    const CancelFlag* cancel = nullptr);

  /// One forward pass outside of any request, for benchmarks; see forward().
  std::span<const float> step(std::span<const StepSegment> segments);
  KvShape kv_shape() const;

  const LoadedModel& loaded() const { return loaded_; }
  const Tokenizer& tokenizer() const { return *loaded_.tokenizer; }
  int threads() const { return pool_->size(); }
  int64_t context() const { return options_.context; }
  int64_t batch() const { return options_.batch; }
  bool exact() const { return options_.exact; }
  ThreadPool& pool() const { return *pool_; }

 private:
  class Request;
  Engine(LoadedModel loaded, const EngineOptions& options,
         std::optional<jinja::ChatTemplate> chat_template);

  LoadedModel loaded_;
  EngineOptions options_;
  ModelDescription description_;
  std::optional<jinja::ChatTemplate> chat_template_;
  std::unique_ptr<ThreadPool> pool_;
  ForwardScratch scratch_;
  std::mutex mutex_;
};

}  // namespace whet
