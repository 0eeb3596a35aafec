#include "engine/active_request.h"

#include <utility>

namespace whet {

ActiveRequest::ActiveRequest(const GenerateRequest& request, std::vector<int32_t> prompt,
                             bool has_sink, const CancelFlag* cancel)
    : request_(request),
      prompt_(std::move(prompt)),
      has_sink_(has_sink),
      cancel_(cancel),
      unwanted_(request.samples.size()) {}

std::optional<FinishReason> ActiveRequest::interruption(int64_t now_ns) const {
  if (ended_.load(std::memory_order_relaxed) || (cancel_ != nullptr && cancel_->cancelled())) {
    return FinishReason::kCancelled;
  }
  if (request_.deadline_ns != 0 && now_ns >= request_.deadline_ns) return FinishReason::kTime;
  return std::nullopt;
}

void ActiveRequest::publish(size_t sample, SequenceNews news) {
  {
    std::lock_guard lock(mutex_);
    letters_.push_back({sample, std::move(news)});
  }
  changed_.notify_one();
}

void ActiveRequest::complete(Result<GenerateResult> outcome) {
  // Notified under the lock: the asking thread may destroy this as soon as it sees the outcome.
  std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
  changed_.notify_one();
}

void ActiveRequest::deliver(const EventSink& sink, const Letter& letter) {
  if (ended_.load(std::memory_order_relaxed) || unwanted(letter.sample)) return;
  switch (sink({letter.sample, letter.news.text, letter.news.tokens, letter.news.finish})) {
    case Continue::kYes:
      return;
    case Continue::kEndSample:
      unwanted_[letter.sample].store(true, std::memory_order_relaxed);
      return;
    case Continue::kEndRequest:
      ended_.store(true, std::memory_order_relaxed);
      return;
  }
}

Result<GenerateResult> ActiveRequest::wait(const EventSink& sink) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return !letters_.empty() || outcome_; });
    while (!letters_.empty()) {
      const Letter letter = std::move(letters_.front());
      letters_.pop_front();
      lock.unlock();
      deliver(sink, letter);
      lock.lock();
    }
    if (outcome_) return std::move(*outcome_);
  }
}

}  // namespace whet
