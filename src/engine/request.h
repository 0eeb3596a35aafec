// RequestRun: the life of one request - prefill once, fork, decode all completions in one batch.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/sequence.h"
#include "generator/generator.h"

namespace whet {

class Engine;

class RequestRun {
 public:
  /// `request` was validated and `prompt` fits the context. References must outlive run().
  RequestRun(Engine& engine, const GenerateRequest& request, std::vector<int32_t> prompt,
             int64_t start_ns, const EventSink& on_event, const CancelFlag* cancel);

  Result<GenerateResult> run();

 private:
  Status prefill();
  Status fork();
  Status decode();
  /// Samples the next token of the sequences `rows` from their logits [rows, vocabulary]. Errors:
  /// logits that are no numbers.
  Status advance(const std::vector<size_t>& rows, std::span<const float> logits);
  /// Why everything must stop now, if it must.
  std::optional<FinishReason> interruption() const;
  void finish_all(FinishReason reason);
  void tell(size_t sample, std::string_view text);
  void note_kv();

  Engine& engine_;
  const GenerateRequest& request_;
  const EventSink& on_event_;
  bool ended_ = false;  // by the sink
  const CancelFlag* cancel_;
  std::vector<int32_t> prompt_;
  std::vector<float>
      prompt_logits_;  // of the prompt's last token; empty if prefill was interrupted
  std::optional<KvSequence> prompt_kv_;
  std::vector<Sequence> sequences_;
  std::vector<std::string> texts_;  // of the last advance(), by row
  GenerateResult result_;
};

}  // namespace whet
