#include "serve/reasoning.h"

#include <algorithm>
#include <utility>

namespace whet::serve {
namespace {

constexpr std::string_view kThinkOpens = "<think>";
constexpr std::string_view kThinkCloses = "</think>";
constexpr std::string_view kSpace = " \t\r\n";

/// Length of the longest end of `text` that begins `tag`.
size_t held_back(std::string_view text, std::string_view tag) {
  for (size_t n = std::min(tag.size() - 1, text.size()); n > 0; --n) {
    if (text.substr(text.size() - n) == tag.substr(0, n)) return n;
  }
  return 0;
}

}  // namespace

ReasoningSplitter::Pieces ReasoningSplitter::push(std::string_view text) {
  pending_ += text;
  Pieces out;
  if (state_ == State::kStart) {
    const size_t begin = pending_.find_first_not_of(kSpace);
    if (begin == std::string::npos) return out;
    const std::string_view rest = std::string_view(pending_).substr(begin);
    if (rest.starts_with(kThinkOpens)) {
      pending_.erase(0, begin + kThinkOpens.size());
      state_ = State::kInside;
    } else if (kThinkOpens.starts_with(rest)) {
      return out;
    } else {
      state_ = State::kContent;
    }
  }
  if (state_ == State::kInside) {
    if (!reasoning_begun_) pending_.erase(0, pending_.find_first_not_of(kSpace));
    const size_t close = pending_.find(kThinkCloses);
    const size_t n =
        close != std::string::npos ? close : pending_.size() - held_back(pending_, kThinkCloses);
    out.reasoning = pending_.substr(0, n);
    reasoning_begun_ |= n > 0;
    pending_.erase(0, close != std::string::npos ? close + kThinkCloses.size() : n);
    if (close != std::string::npos) state_ = State::kAfter;
  }
  if (state_ == State::kAfter) {
    const size_t begin = pending_.find_first_not_of(kSpace);
    if (begin == std::string::npos) {
      pending_.clear();
      return out;
    }
    pending_.erase(0, begin);
    state_ = State::kContent;
  }
  if (state_ == State::kContent) out.content = std::exchange(pending_, "");
  return out;
}

ReasoningSplitter::Pieces ReasoningSplitter::flush() {
  Pieces out;
  (state_ == State::kInside ? out.reasoning : out.content) = std::exchange(pending_, "");
  return out;
}

}  // namespace whet::serve
