#include "remote/gathering.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>

#include "base/clock.h"

namespace whet::remote {
namespace {

// Local engines give reasoning as the model writes it; so do we.
constexpr std::string_view kThinkBegin = "<think>\n", kThinkEnd = "\n</think>\n\n";

}  // namespace

std::vector<int64_t> apportioned(int64_t total, const std::vector<int64_t>& weights) {
  const int64_t sum = std::accumulate(weights.begin(), weights.end(), int64_t{0});
  std::vector<int64_t> shares(weights.size(), 0);
  if (sum == 0) {
    for (size_t i = 0; i < shares.size(); ++i) {
      const auto n = static_cast<int64_t>(shares.size());
      shares[i] = total / n + (static_cast<int64_t>(i) < total % n ? 1 : 0);
    }
    return shares;
  }
  // Cumulative, so that rounding never loses or invents a token.
  int64_t weight = 0, given = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    weight += weights[i];
    const double share = static_cast<double>(weight) / static_cast<double>(sum);
    const auto upto = static_cast<int64_t>(static_cast<double>(total) * share);
    shares[i] = upto - given;
    given = upto;
  }
  return shares;
}

Gathering::Gathering(const GenerateRequest& request, const EventSink& on_event,
                     const CancelFlag* cancel)
    : request_(request),
      on_event_(on_event),
      cancel_(cancel),
      dropped_(request.samples.size()),
      open_(request.samples.size()) {
  result_.completions.resize(request.samples.size());
  result_.start_ns = monotonic_ns();
}

void Gathering::add(size_t sample, Piece&& piece, int64_t ns) {
  const std::lock_guard lock(mutex_);
  news_.push_back({sample, std::move(piece), ns});
  changed_.notify_one();
}

void Gathering::end(size_t first, size_t n, const Attempt& attempt) {
  const std::lock_guard lock(mutex_);
  ended_.push_back({first, n, attempt});
  changed_.notify_one();
}

bool Gathering::is_over() const {
  return all_dropped_ || (cancel_ != nullptr && cancel_->cancelled()) ||
         (request_.deadline_ns > 0 && monotonic_ns() >= request_.deadline_ns);
}

bool Gathering::is_unwanted(size_t first, size_t n) const {
  if (is_over()) return true;
  return std::all_of(dropped_.begin() + static_cast<ptrdiff_t>(first),
                     dropped_.begin() + static_cast<ptrdiff_t>(first + n),
                     [](const std::atomic<bool>& dropped) { return dropped.load(); });
}

FinishReason Gathering::reason_of_end() const {
  const bool by_user = all_dropped_ || (cancel_ != nullptr && cancel_->cancelled());
  return by_user ? FinishReason::kCancelled : FinishReason::kTime;
}

void Gathering::take_all(size_t n_requests) {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return !news_.empty() || !ended_.empty(); });
    // Pieces first: a request's pieces came before its end.
    while (!news_.empty()) {
      News news = std::move(news_.front());
      news_.pop_front();
      lock.unlock();
      take(news);
      lock.lock();
    }
    while (!ended_.empty() && news_.empty()) {
      const Ended ended = std::move(ended_.front());
      ended_.pop_front();
      lock.unlock();
      take(ended);
      lock.lock();
      if (--n_requests == 0) return;
    }
  }
}

void Gathering::emit(size_t sample, std::string_view text, const std::vector<TokenInfo>& tokens,
                     std::optional<FinishReason> finish) {
  if (!on_event_ || all_dropped_) return;
  const bool has_tokens = request_.top_logprobs >= 0;
  const Continue next = on_event_(
      {sample, text, has_tokens ? std::span(tokens) : std::span<const TokenInfo>(), finish});
  if (next == Continue::kEndRequest) all_dropped_ = true;
  if (next == Continue::kEndSample) dropped_[sample] = true;
}

void Gathering::take(News& news) {
  Completion& completion = result_.completions[news.sample];
  Open& open = open_[news.sample];
  if (open.has_finish || dropped_[news.sample] || all_dropped_) return;
  Piece& piece = news.piece;
  std::string text;
  if (!piece.reasoning.empty()) {
    if (!std::exchange(open.thinks, true)) text += kThinkBegin;
    text += piece.reasoning;
  }
  if (open.thinks && (!piece.text.empty() || piece.finish)) {
    open.thinks = false;
    text += kThinkEnd;
  }
  text += piece.text;
  const bool has_news = !text.empty() || !piece.tokens.empty();
  if (has_news && result_.first_token_ns == 0) {
    result_.first_token_ns = result_.prefill_end_ns = news.ns;
  }
  if (has_news) {
    completion.end_ns = news.ns;
    const size_t n_tokens = std::max<size_t>(1, piece.tokens.size());
    open.n_seen += static_cast<int64_t>(n_tokens);
    completion.token_ns.insert(completion.token_ns.end(), n_tokens, news.ns);
  }
  completion.text += text;
  for (const TokenInfo& token : piece.tokens) {
    if (token.id) completion.tokens.push_back(*token.id);
  }
  if (piece.n_tok) open.n_counted = piece.n_tok;
  if (piece.finish) {
    open.has_finish = true;
    completion.finish = *piece.finish;
    completion.stop = std::move(piece.stop);
  }
  if (has_news || piece.finish) emit(news.sample, text, piece.tokens, piece.finish);
  if (request_.top_logprobs >= 0) {
    completion.logprobs.insert(completion.logprobs.end(),
                               std::make_move_iterator(piece.tokens.begin()),
                               std::make_move_iterator(piece.tokens.end()));
  }
}

void Gathering::take(const Ended& ended) {
  const bool was_stopped = ended.attempt.error && is_unwanted(ended.first, ended.n) &&
                           ended.attempt.error->code() == ErrorCode::kCancelled;
  if (ended.attempt.error && !was_stopped && !error_) {
    error_ = ended.attempt.error;
    all_dropped_ = true;  // what else runs is of no use
  }
  for (size_t i = ended.first; i < ended.first + ended.n; ++i) {
    Completion& completion = result_.completions[i];
    if (std::exchange(open_[i].has_finish, true)) continue;
    // Its engine may have come to the end while nobody wanted it any more.
    if (was_stopped || is_unwanted(i, 1)) {
      completion.finish = dropped_[i] ? FinishReason::kCancelled : reason_of_end();
      if (!dropped_[i]) emit(i, "", {}, completion.finish);
    } else if (!error_) {
      error_ = Error(ErrorCode::kIo, "the engine ended an answer without saying why");
    }
  }
  count_tokens(ended);
  if (ended.attempt.n_prompt_tok && result_.n_prompt_tok == 0) {
    result_.n_prompt_tok = *ended.attempt.n_prompt_tok;
    result_.n_cached_tok = ended.attempt.n_cached_tok.value_or(0);
  }
}

/// The engine's own count is the one that is paid for: of each completion, or of all together.
void Gathering::count_tokens(const Ended& ended) {
  std::vector<int64_t> counts;
  std::optional<int64_t> total = ended.attempt.n_completion_tok;
  bool all_counted = true;
  for (size_t i = ended.first; i < ended.first + ended.n; ++i) {
    const std::optional<int64_t>& counted = open_[i].n_counted;
    all_counted = all_counted && counted.has_value();
    if (counted && !total) total = counted;
    counts.push_back(open_[i].n_seen);
  }
  const int64_t n_seen = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  if (all_counted) {
    for (size_t i = 0; i < ended.n; ++i) counts[i] = *open_[ended.first + i].n_counted;
  } else if (total && *total > n_seen) {  // fewer than were seen cannot be all
    counts = apportioned(*total, counts);
  }
  for (size_t i = 0; i < ended.n; ++i) {
    result_.completions[ended.first + i].n_completion_tok = counts[i];
  }
}

Result<GenerateResult> Gathering::result() {
  if (error_) return *error_;
  result_.end_ns = monotonic_ns();
  return std::move(result_);
}

}  // namespace whet::remote
