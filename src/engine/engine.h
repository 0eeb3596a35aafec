// Engine: the local Generator. One thread runs the model for everybody: each step decodes every
// running completion and reads some more of the prompts that wait.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "decode/token_trie.h"
#include "engine/active_request.h"
#include "engine/engine_options.h"
#include "engine/scheduler.h"
#include "engine/speculation.h"
#include "engine/step_pacer.h"
#include "engine/step_runner.h"
#include "generator/generator.h"
#include "jinja/chat_template.h"
#include "kv/kv_arena.h"
#include "kv/prefix_index.h"
#include "load/loaded_model.h"
#include "model/forward.h"
#include "par/thread_pool.h"

namespace whet {

/// A moment of an engine, for metrics.
struct EngineLoad {
  int64_t n_running = 0, n_waiting = 0;     // requests
  int64_t n_reserved = 0, n_positions = 0;  // of keys and values
  KvStats kv{};
  int64_t n_prompt_tok = 0, n_cached_tok = 0, n_completion_tok = 0;  // since the start
  int64_t n_cancelled = 0;
  int64_t n_drafted_tok = 0, n_accepted_tok = 0;
  int64_t n_gave_way = 0;  // times that a request lost its memory to an older one and waited again
};

class Engine : public Generator {
 public:
  /// `draft`: a smaller model that proposes tokens (DraftSource::kModel).
  /// Errors: options out of range, a chat template that does not compile.
  static Result<std::unique_ptr<Engine>> create(LoadedModel loaded, const EngineOptions& options,
                                                std::optional<LoadedModel> draft = std::nullopt);
  /// Requests must have ended.
  ~Engine() override;

  const ModelDescription& describe() const override { return description_; }
  Result<GenerateResult> generate(const GenerateRequest& request,
                                  const EventSink& on_event = nullptr,
                                  const CancelFlag* cancel = nullptr) override;
  Result<std::vector<TokenInfo>> score(const Prompt& prompt, std::string_view continuation,
                                       const CancelFlag* cancel = nullptr) override;
  Result<std::optional<int64_t>> count_prompt_tokens(const GenerateRequest& request) override;
  /// All inputs share the steps.
  Result<std::vector<Embedding>> embed(const EmbedRequest& request,
                                       const CancelFlag* cancel = nullptr) override;

  /// A prompt as token ids: a conversation through the chat template, a text, or ids as they are.
  Result<std::vector<int32_t>> encode_prompt(const Prompt& prompt) const;
  /// A conversation in the parts that the model's chat template makes of it.
  Result<std::vector<PromptPart>> render_chat(const Conversation& conversation) const;

  /// Natural-log probability of tokens[i] given tokens[0..i), for i = 1 .. n-1.
  /// Errors: more tokens than the context; cancelled.
  Result<std::vector<double>> score(std::span<const int32_t> tokens,
                                    const CancelFlag* cancel = nullptr);

  /// One forward pass outside of any request, for benchmarks; see forward(). No request may run.
  std::span<const float> step(std::span<const StepSegment> segments);
  /// Counts sparse rows from now on, and what was counted; see ForwardScratch. No request may run.
  void count_sparsity() { runner_.scratch().count_sparsity(); }
  SparsityCount sparsity_count() { return runner_.scratch().sparsity_count(); }
  KvShape kv_shape() const;
  /// Of the model's vocabulary, for constraints; made when first asked for.
  std::shared_ptr<const TokenTrie> token_trie();
  EngineLoad load() const;

  const LoadedModel& loaded() const { return loaded_; }
  const Tokenizer& tokenizer() const { return *loaded_.tokenizer; }
  int threads() const { return pool_->size(); }
  int64_t context() const { return options_.context; }
  int64_t batch() const { return options_.batch; }
  bool exact() const { return options_.exact; }
  SparseRows sparse_rows() const { return options_.sparse_rows; }

 private:
  Engine(LoadedModel loaded, const EngineOptions& options, const SchedulerLimits& limits,
         std::unique_ptr<KvArena> arena, std::optional<jinja::ChatTemplate> chat_template,
         TokenIndex phrases, std::optional<LoadedModel> draft);

  Status validate_request(const GenerateRequest& request) const;
  Status check_ids(std::span<const int32_t> ids) const;
  /// Hands a request to the loop.
  void submit(ActiveRequest& request);
  Result<RequestShape> shape_of(const GenerateRequest& request, size_t n_prompt) const;

  // On the loop's thread.
  /// Writes kept prefixes to files while nobody asks for anything.
  void save_prefixes(const std::stop_token& stop);
  void loop(const std::stop_token& stop);
  /// Waits for work; false when the engine ends.
  bool receive(const std::stop_token& stop);
  void update_load();  // under the mutex
  void admit();
  void make_sequences(ActiveRequest& request);
  /// Of a request that was admitted, for the first time or after it gave way.
  Status start(ActiveRequest& request);
  /// Before a step: takes from the youngest requests what older ones need.
  void make_room();
  void keep_prefix(const ActiveRequest& request, Sequence& sequence);
  void interrupt();
  void step_once();
  void publish(ActiveRequest& request);
  void finish(RequestId id, Result<GenerateResult> result);
  void finish_ended();

  LoadedModel loaded_;
  EngineOptions options_;
  ModelDescription description_;
  std::optional<jinja::ChatTemplate> chat_template_;
  std::unique_ptr<ThreadPool> pool_;

  std::once_flag token_trie_once_;
  std::shared_ptr<const TokenTrie> token_trie_;

  // Of the loop's thread alone.
  Scheduler scheduler_;
  std::unique_ptr<KvArena> arena_;
  PrefixIndex prefix_index_;
  StepRunner runner_;
  StepPacer pacer_;
  Speculation speculation_;
  std::unordered_map<RequestId, ActiveRequest*> requests_;
  std::unordered_map<SequenceId, Sequence*> sequences_;
  SequenceId next_sequence_ = 1;

  // Between the threads.
  mutable std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::vector<ActiveRequest*> arrivals_;
  RequestId next_request_ = 1;
  EngineLoad load_;

  std::jthread thread_;  // last: it uses everything above
};

}  // namespace whet
