#include "strategy/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/rng.h"
#include "eval/answer.h"
#include "eval/code.h"
#include "strategy/selection.h"

namespace whet::strategy {
namespace {

std::optional<double> mean_logprob(const Completion& completion) {
  if (completion.logprobs.empty()) return std::nullopt;
  double sum = 0;
  for (const TokenInfo& token : completion.logprobs) sum += token.logprob;
  return sum / static_cast<double>(completion.logprobs.size());
}

/// Sets answer and key, and whether the candidate may be chosen.
void read_answer(const eval::Question& question, Candidate& candidate) {
  const auto refuse = [&](std::string reason) { candidate.reason = std::move(reason); };
  if (eval::has_text_answer(question.kind)) {
    if (auto answer = eval::extract_answer(question.kind, candidate.text)) {
      candidate.answer = std::move(answer->text);
      candidate.key = std::move(answer->key);
    }
  } else if (eval::is_code(question.kind)) {
    if (const auto code = eval::extract_code(question, candidate.text)) {
      candidate.key = eval::code_key(question.kind, code->source);
    }
  } else {
    candidate.key = eval::normalise_text(candidate.text);
  }
  if (candidate.finish == FinishReason::kCancelled) return refuse("cancelled");
  if (candidate.finish != FinishReason::kStop) {
    return refuse(fmt::format("truncated ({})", finish_reason_name(candidate.finish)));
  }
  if (eval::trimmed(candidate.text).empty()) return refuse("empty");
  if (candidate.key.empty()) {
    return refuse(eval::is_code(question.kind) ? "no code found" : "no answer found");
  }
  candidate.eligible = true;
}

/// Texts of models are hostile input: a defect in reading one costs this candidate, not the run.
void judge(const eval::Question& question, Candidate& candidate) {
  try {
    read_answer(question, candidate);
  } catch (const std::exception& error) {
    candidate.eligible = false;
    candidate.reason = fmt::format("reading the answer failed, a defect of whet: {}", error.what());
  }
}

}  // namespace

uint64_t sample_seed(uint64_t seed, size_t index) {
  return index == 0 ? seed : splitmix64(seed ^ splitmix64(index));
}

std::vector<SamplingParams> samples_at(const Context& context,
                                       const std::vector<double>& temperatures) {
  std::vector<SamplingParams> samples(temperatures.size(), context.sampling);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].temperature = temperatures[i];
    samples[i].seed = sample_seed(context.seed, i);
  }
  return samples;
}

Session::Session(const eval::Question& question, Generator& generator, const Context& context)
    : question_(question), generator_(generator), context_(context) {
  outcome_.start_ns = context_.now_ns();
}

bool Session::cancelled() const {
  return outcome_.cancelled || (context_.cancel && context_.cancel->cancelled());
}

bool Session::out_of_time() const {
  return context_.deadline_ns > 0 && context_.now_ns() >= context_.deadline_ns;
}

Status Session::sample(const std::string& prompt, std::vector<SamplingParams> samples,
                       const std::string& stage, bool stream, int64_t deadline_ns) {
  GenerateRequest request;
  if (context_.raw_prompt) {
    request.prompt = prompt;
  } else {
    auto& messages = request.conversation().messages;
    if (!context_.system.empty())
      messages.push_back({.role = "system", .content = context_.system});
    messages.insert(messages.end(), context_.history.begin(), context_.history.end());
    messages.push_back({.role = "user", .content = prompt});
  }
  request.samples = std::move(samples);
  request.max_tokens = context_.max_tokens;
  request.top_logprobs = 0;
  request.deadline_ns = deadline_ns > 0 && context_.deadline_ns > 0
                            ? std::min(deadline_ns, context_.deadline_ns)
                            : std::max(deadline_ns, context_.deadline_ns);
  WHET_TRY(GenerateResult result,
           generator_.generate(request, stream ? context_.on_event : nullptr, context_.cancel));

  ++outcome_.n_calls;
  outcome_.n_prompt_tok += result.n_prompt_tok;
  outcome_.kv_committed_bytes = std::max(outcome_.kv_committed_bytes, result.kv_committed_bytes);
  if (stream && result.first_token_ns > 0) outcome_.first_token_ns = result.first_token_ns;
  for (size_t i = 0; i < result.completions.size(); ++i) {
    Completion& completion = result.completions[i];
    Candidate candidate;
    candidate.stage = stage;
    candidate.text = std::move(completion.text);
    candidate.temperature = request.samples[i].temperature;
    candidate.finish = completion.finish;
    candidate.n_completion_tok = completion.n_completion_tok;
    candidate.mean_logprob = mean_logprob(completion);
    judge(question_, candidate);
    outcome_.n_completion_tok += completion.n_completion_tok;
    outcome_.cancelled |= completion.finish == FinishReason::kCancelled;
    outcome_.candidates.push_back(std::move(candidate));
  }
  return ok_status();
}

Outcome Session::take(std::optional<size_t> index, std::string how) {
  outcome_.how = std::move(how);
  if (index) {
    Candidate& candidate = outcome_.candidates[*index];
    candidate.chosen = true;
    if (candidate.eligible) candidate.reason = outcome_.how;
    outcome_.text = candidate.text;
  }
  outcome_.end_ns = context_.now_ns();
  return std::move(outcome_);
}

Outcome Session::finish_single() {
  if (outcome_.candidates.empty()) return take(std::nullopt, "nothing was generated");
  return take(outcome_.candidates.size() - 1, "the only candidate");
}

Result<Outcome> Session::finish(const Selector& select, bool greedy_fallback) {
  auto& candidates = outcome_.candidates;
  std::vector<size_t> eligible;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].eligible) eligible.push_back(i);
  }
  if (!eligible.empty()) {
    Selection selection = select(candidates, eligible);
    return take(selection.index, std::move(selection.how));
  }

  outcome_.fell_back = true;
  if (greedy_fallback && !cancelled() && !out_of_time()) {
    SamplingParams greedy = context_.sampling;
    greedy.temperature = 0;
    greedy.seed = context_.seed;
    WHET_TRY_STATUS(sample(question_.prompt, {greedy}, "fallback"));
    const size_t last = candidates.size() - 1;
    if (!eval::trimmed(candidates[last].text).empty()) {
      return take(last, "no eligible candidate: greedy fallback");
    }
  }
  std::vector<size_t> with_text;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!eval::trimmed(candidates[i].text).empty()) with_text.push_back(i);
  }
  if (with_text.empty()) return take(std::nullopt, "no candidate has any text");
  return take(best_by_logprob(candidates, with_text),
              "no eligible candidate: the text with the highest mean logprob");
}

}  // namespace whet::strategy
