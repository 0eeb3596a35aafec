#include "engine/request.h"

#include <algorithm>
#include <limits>

#include "base/clock.h"
#include "engine/engine.h"

namespace whet {
namespace {

// Logits of a step below which sampling its rows one after the other is faster than waking the
// team.
constexpr size_t kLogitsWorthATeam = 16 * 1024;

}  // namespace

RequestRun::RequestRun(Engine& engine, const GenerateRequest& request, std::vector<int32_t> prompt,
                       int64_t start_ns, const EventSink& on_event, const CancelFlag* cancel)
    : engine_(engine),
      request_(request),
      on_event_(on_event),
      cancel_(cancel),
      prompt_(std::move(prompt)) {
  result_.start_ns = start_ns;
  result_.n_prompt_tok = static_cast<int64_t>(prompt_.size());
}

Result<GenerateResult> RequestRun::run() {
  WHET_TRY_STATUS(prefill());
  result_.prefill_end_ns = monotonic_ns();
  WHET_TRY_STATUS(fork());
  WHET_TRY_STATUS(decode());
  for (Sequence& sequence : sequences_) result_.completions.push_back(sequence.take_completion());
  result_.end_ns = monotonic_ns();
  return std::move(result_);
}

Status RequestRun::prefill() {
  WHET_TRY(prompt_kv_, KvSequence::create(engine_.kv_shape()));
  const auto batch = static_cast<size_t>(engine_.batch());
  const std::span<const int32_t> prompt(prompt_);
  for (size_t first = 0; first < prompt.size(); first += batch) {
    if (interruption()) return ok_status();
    size_t n = std::min(batch, prompt.size() - first);
    bool last = first + n == prompt.size();
    StepSegment segment{&*prompt_kv_, prompt.subspan(first, n),
                        last ? StepSegment::Logits::kLast : StepSegment::Logits::kNone};
    std::span<const float> logits = engine_.step({&segment, 1});
    prompt_logits_.assign(logits.begin(), logits.end());
  }
  return ok_status();
}

Status RequestRun::fork() {
  const int64_t n_prompt = static_cast<int64_t>(prompt_.size());
  int64_t room = engine_.context() - n_prompt;
  if (request_.max_tokens >= 0) room = std::min(room, request_.max_tokens);
  sequences_.reserve(request_.samples.size());
  for (size_t i = 0; i < request_.samples.size(); ++i) {
    KvSequence kv = [&] { return std::move(*prompt_kv_); }();
    if (i + 1 < request_.samples.size()) {
      WHET_TRY(KvSequence next, KvSequence::create(engine_.kv_shape()));
      next.copy_prefix(kv, kv.size());
      prompt_kv_ = std::move(next);
    }
    sequences_.emplace_back(engine_.tokenizer(), request_, request_.samples[i],
                            engine_.loaded().model.config.vocab_size, prompt_, room, std::move(kv));
  }
  if (room == 0) finish_all(FinishReason::kLength);
  return ok_status();
}

Status RequestRun::decode() {
  const auto stop = [this](FinishReason reason) {
    finish_all(reason);
    return ok_status();
  };
  if (auto reason = interruption()) return stop(*reason);
  for (size_t i = 0; i < sequences_.size(); ++i) {
    if (sequences_[i].active()) WHET_TRY_STATUS(advance({i}, prompt_logits_));
  }
  result_.first_token_ns = monotonic_ns();

  std::vector<StepSegment> segments;
  std::vector<size_t> rows;  // sequence of each logits row
  while (true) {
    note_kv();
    segments.clear();
    rows.clear();
    for (size_t i = 0; i < sequences_.size(); ++i) {
      if (!sequences_[i].active()) continue;
      segments.push_back(
          {&sequences_[i].kv(), sequences_[i].pending_token(), StepSegment::Logits::kLast});
      rows.push_back(i);
    }
    if (rows.empty()) return ok_status();
    if (auto reason = interruption()) return stop(*reason);
    WHET_TRY_STATUS(advance(rows, engine_.step(segments)));
  }
}

Status RequestRun::advance(const std::vector<size_t>& rows, std::span<const float> logits) {
  const size_t vocab = logits.size() / rows.size();
  texts_.resize(rows.size());
  std::vector<Status> checked(rows.size(), ok_status());
  engine_.pool().for_each(
      static_cast<int64_t>(rows.size()),
      [&](int64_t task) {
        const auto r = static_cast<size_t>(task);
        const std::span<const float> row = logits.subspan(r * vocab, vocab);
        checked[r] = check_finite(row);
        if (checked[r].ok()) texts_[r] = sequences_[rows[r]].advance(row);
      },
      logits.size() >= kLogitsWorthATeam);
  for (const Status& status : checked) {
    if (!status.ok()) return status.error().with_context("sampling the next token");
  }
  for (size_t r = 0; r < rows.size(); ++r) tell(rows[r], texts_[r]);
  return ok_status();
}

std::optional<FinishReason> RequestRun::interruption() const {
  if (ended_ || (cancel_ != nullptr && cancel_->cancelled())) return FinishReason::kCancelled;
  if (request_.deadline_ns != 0 && monotonic_ns() >= request_.deadline_ns)
    return FinishReason::kTime;
  return std::nullopt;
}

void RequestRun::finish_all(FinishReason reason) {
  for (size_t i = 0; i < sequences_.size(); ++i) {
    if (!sequences_[i].active()) continue;
    std::string text = sequences_[i].finish(reason);
    tell(i, text);
  }
}

void RequestRun::tell(size_t sample, std::string_view text) {
  if (!on_event_ || ended_) return;
  Sequence& sequence = sequences_[sample];
  GenerateEvent event{sample, text, sequence.take_news(), sequence.finish_reason()};
  if (event.text.empty() && event.tokens.empty() && !event.finish) return;
  switch (on_event_(event)) {
    case Continue::kYes:
      break;
    case Continue::kEndSample:
      if (sequence.active()) sequence.finish(FinishReason::kCancelled);
      break;
    case Continue::kEndRequest:
      ended_ = true;
      break;
  }
}

void RequestRun::note_kv() {
  uint64_t bytes = 0;
  for (Sequence& sequence : sequences_) bytes += sequence.kv().used_bytes();
  result_.kv_committed_bytes = std::max(result_.kv_committed_bytes, bytes);
}

}  // namespace whet
