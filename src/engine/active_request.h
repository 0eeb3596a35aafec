// ActiveRequest: a request between the thread that asked and the thread that computes. The loop
// writes news and the result; the asking thread reads them and calls the sink.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "generator/generator.h"

namespace whet {

class ActiveRequest {
 public:
  /// References must outlive wait().
  ActiveRequest(const GenerateRequest& request, std::vector<int32_t> prompt, bool has_sink,
                const CancelFlag* cancel);

  // For the loop.
  const GenerateRequest& request() const { return request_; }
  const std::vector<int32_t>& prompt() const { return prompt_; }
  /// Why everything must stop now, if it must.
  std::optional<FinishReason> interruption(int64_t now_ns) const;
  /// The sink no longer wants this sample.
  bool unwanted(size_t sample) const { return unwanted_[sample].load(std::memory_order_relaxed); }
  void publish(size_t sample, SequenceNews news);
  bool has_sink() const { return has_sink_; }
  void complete(Result<GenerateResult> outcome);

  RequestShape shape;
  std::vector<SequenceId> ids;  // of the sequences, by sample
  std::vector<std::unique_ptr<Sequence>> sequences;
  GenerateResult result;
  /// Given: the prompt's states become a vector, and nothing is generated.
  std::optional<StatePool> pool;

  // For the asking thread: hands news to the sink until the result is there. What the sink throws
  // may not unwind past a request that the loop still holds: it ends the request, and is an error.
  Result<GenerateResult> wait(const EventSink& sink);

 private:
  struct Letter {
    size_t sample;
    SequenceNews news;
  };
  void deliver(const EventSink& sink, const Letter& letter);

  const GenerateRequest& request_;
  const std::vector<int32_t> prompt_;
  const bool has_sink_;
  const CancelFlag* const cancel_;
  std::atomic<bool> ended_{false};     // by the sink
  std::optional<std::string> thrown_;  // by the sink
  std::vector<std::atomic<bool>> unwanted_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Letter> letters_;
  std::optional<Result<GenerateResult>> outcome_;
};

}  // namespace whet
