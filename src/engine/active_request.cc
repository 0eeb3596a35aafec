#include "engine/active_request.h"

#include <fmt/format.h>

#include <exception>
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
  Continue wanted = Continue::kEndRequest;
  try {
    wanted = sink({letter.sample, letter.news.text, letter.news.tokens, letter.news.finish});
  } catch (const std::exception& e) {
    thrown_ = e.what();
  } catch (...) {
    thrown_ = "something that is no std::exception";
  }
  if (wanted == Continue::kEndSample) {
    unwanted_[letter.sample].store(true, std::memory_order_relaxed);
  }
  if (wanted == Continue::kEndRequest) ended_.store(true, std::memory_order_relaxed);
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
    if (!outcome_) continue;
    if (!thrown_) return std::move(*outcome_);
    return Error(
        ErrorCode::kInternal,
        fmt::format("what listens to the text threw: {}; the request was ended", *thrown_));
  }
}

}  // namespace whet
