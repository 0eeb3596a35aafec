#include "strategy/session.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/rng.h"
#include "eval/answer.h"
#include "eval/code.h"
#include "eval/reply.h"
#include "strategy/selection.h"

namespace whet::strategy {
namespace {

/// " (left out: critique, final)"; "" where every stage was asked.
std::string skipped_text(const std::vector<SkippedStage>& skipped) {
  std::vector<std::string_view> stages;
  for (const SkippedStage& s : skipped) {
    if (std::find(stages.begin(), stages.end(), s.stage) == stages.end()) stages.push_back(s.stage);
  }
  return stages.empty() ? "" : fmt::format(" (left out: {})", fmt::join(stages, ", "));
}

std::optional<double> mean_logprob(const Completion& completion) {
  if (completion.logprobs.empty()) return std::nullopt;
  double sum = 0;
  for (const TokenInfo& token : completion.logprobs) sum += token.logprob;
  return sum / static_cast<double>(completion.logprobs.size());
}

/// Sets answer and key, and whether the candidate may be chosen.
void read_answer(const eval::Question& question, Candidate& candidate) {
  if (candidate.is_step) {
    candidate.reason = "a step, not an answer";
    return;
  }
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
    // Whoever asks for "Answer: ..." in a chat wants that voted on; other texts are whole answers.
    const auto answer = eval::extract_answer(eval::AnswerKind::kExact, candidate.text);
    if (answer && eval::is_marked(answer->rule)) {
      candidate.answer = answer->text;
      candidate.key = answer->key;
    } else {
      candidate.key = eval::normalise_text(candidate.text);
    }
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

std::vector<SamplingParams> Session::draws(const std::vector<double>& temperatures) {
  std::vector<SamplingParams> samples(temperatures.size(), context_.sampling);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].temperature = temperatures[i];
    samples[i].seed = sample_seed(context_.seed, n_drawn_++);
  }
  return samples;
}

std::vector<SamplingParams> Session::draws(size_t n, double temperature) {
  return draws(std::vector<double>(n, temperature));
}

// Without a chat template one turn is the prompt itself; of several, each says whose it is.
Prompt Session::prompt_of(const std::vector<ChatMessage>& messages, bool continues) const {
  if (!context_.raw_prompt) {
    Conversation conversation;
    conversation.messages = messages;
    conversation.continue_last = continues;
    return conversation;
  }
  if (messages.size() == 1) return messages[0].content;
  if (messages.size() == 2 && continues) return messages[0].content + messages[1].content;
  std::string text;
  for (const ChatMessage& message : messages) {
    const std::string_view head = message.role == "user"        ? "User: "
                                  : message.role == "assistant" ? "Assistant: "
                                                                : "";
    text += fmt::format("{}{}{}", text.empty() ? "" : "\n\n", head, message.content);
  }
  return continues ? text : text + "\n\nAssistant:";
}

Result<std::vector<size_t>> Session::ask(Ask ask) {
  std::vector<size_t> indices;
  if (outcome_.n_calls > 0 && stopped()) return indices;
  const auto& messages = ask.messages.empty() ? question_.messages : ask.messages;
  GenerateRequest request;
  request.prompt = prompt_of(messages, ask.continues);
  request.samples = std::move(ask.samples);
  request.max_tokens = ask.max_tokens >= 0 ? ask.max_tokens : context_.max_tokens;
  request.top_logprobs = ask.top_logprobs;
  // Wanted to settle ties; where an engine has none they go to the earliest.
  const bool only_for_ties = ask.top_logprobs == 0 && !ask.spread;
  if (only_for_ties && !generator_.describe().can.logprobs) request.top_logprobs = -1;
  request.spread = ask.spread;
  request.cache_scope = context_.cache_scope;
  request.deadline_ns = ask.deadline_ns > 0 && context_.deadline_ns > 0
                            ? std::min(ask.deadline_ns, context_.deadline_ns)
                            : std::max(ask.deadline_ns, context_.deadline_ns);
  bool user_ended = false;
  std::vector<bool> watch_ended(request.samples.size(), false);
  std::vector<bool> seen_to_end(request.samples.size(), false);
  EventSink sink;
  const EventSink shown = ask.stream ? context_.on_event : nullptr;
  if (shown || ask.watch) {
    sink = [&](const GenerateEvent& event) {
      if (shown && shown(event) != Continue::kYes) {
        user_ended = true;
        return Continue::kEndRequest;
      }
      if (!ask.watch) return Continue::kYes;
      if (event.finish) seen_to_end[event.sample] = true;
      const Continue wanted = ask.watch(event);
      if (wanted == Continue::kEndSample) watch_ended[event.sample] = true;
      if (wanted == Continue::kEndRequest) watch_ended.assign(watch_ended.size(), true);
      return wanted;
    };
  }
  auto generated = generator_.generate(request, sink, context_.cancel);
  // A later stage whose prompt has outgrown the context is left out, and said to be; what there is
  // stands.
  const auto refused = [&](ErrorCode code) {
    return code == ErrorCode::kInvalidArgument || code == ErrorCode::kResourceExhausted;
  };
  if (!generated.ok() && outcome_.n_calls > 0 && refused(generated.error().code())) {
    outcome_.skipped.push_back({ask.stage, generated.error().message()});
    return indices;
  }
  if (!generated.ok()) return generated.error();
  GenerateResult result = std::move(generated).value();

  ++outcome_.n_calls;
  outcome_.n_prompt_tok += result.n_prompt_tok;
  outcome_.kv_committed_bytes = std::max(outcome_.kv_committed_bytes, result.kv_committed_bytes);
  if (ask.stream && result.first_token_ns > 0) outcome_.first_token_ns = result.first_token_ns;
  const bool by_user = user_ended || (context_.cancel && context_.cancel->cancelled());
  for (size_t i = 0; i < result.completions.size(); ++i) {
    Completion& completion = result.completions[i];
    const std::string& begun = ask.continues ? messages.back().content : std::string();
    Candidate candidate;
    candidate.text = begun + completion.text;
    candidate.finish = completion.finish;
    candidate.stage = ask.stage;
    candidate.is_step = ask.is_step;
    candidate.temperature = request.samples[i].temperature;
    candidate.n_completion_tok = completion.n_completion_tok;
    candidate.mean_logprob = mean_logprob(completion);
    // One that came to its end while it was being ended: whether it did is a matter of
    // microseconds, and no answer may depend on that.
    if (watch_ended[i] && !seen_to_end[i]) candidate.finish = FinishReason::kCancelled;
    judge(question_, candidate);
    if (candidate.finish == FinishReason::kCancelled) {
      outcome_.cancelled |= by_user || !watch_ended[i];
      if (watch_ended[i] && !by_user && !ask.ended_why.empty()) candidate.reason = ask.ended_why;
    }
    if (ask.top_logprobs > 0 || ask.spread) candidate.tokens = std::move(completion.logprobs);
    outcome_.n_completion_tok += completion.n_completion_tok;
    indices.push_back(outcome_.candidates.size());
    outcome_.candidates.push_back(std::move(candidate));
  }
  return indices;
}

Status Session::sample(std::vector<SamplingParams> samples, const std::string& stage, bool stream,
                       int64_t deadline_ns) {
  const auto asked = ask({.samples = std::move(samples),
                          .stage = stage,
                          .stream = stream,
                          .deadline_ns = deadline_ns});
  return asked.ok() ? ok_status() : Status(asked.error());
}

Result<std::optional<size_t>> Session::answer(const std::string& stage, const std::string& text,
                                              double temperature) {
  WHET_TRY(const auto made, ask({.samples = draws(1, temperature),
                                 .stage = stage,
                                 .messages = question_.with_text(text).messages}));
  return made.empty() ? std::nullopt : std::optional(made[0]);
}

Result<std::string> Session::step(const std::string& stage, const std::string& text,
                                  double temperature, int64_t max_tokens) {
  WHET_TRY(const auto made, ask({.samples = draws(1, temperature),
                                 .stage = stage,
                                 .messages = question_.with_text(text).messages,
                                 .is_step = true,
                                 .max_tokens = max_tokens}));
  if (made.empty()) return std::string();
  return std::string(eval::trimmed(eval::without_reasoning(outcome_.candidates[made[0]].text)));
}

Result<std::optional<double>> Session::score(const Prompt& prompt, std::string_view continuation) {
  if (outcome_.n_calls > 0 && stopped()) return std::optional<double>();
  GenerateRequest request;
  request.prompt = prompt;
  WHET_TRY(const auto n_prompt, generator_.count_prompt_tokens(request));
  auto tokens = generator_.score(request.prompt, continuation, context_.cancel);
  if (!tokens.ok() && tokens.error().code() == ErrorCode::kCancelled) {
    outcome_.cancelled = true;
    return std::optional<double>();
  }
  if (!tokens.ok()) return tokens.error();
  ++outcome_.n_calls;
  outcome_.n_prompt_tok += n_prompt.value_or(0) + static_cast<int64_t>(tokens->size());
  double sum = 0;
  for (const TokenInfo& token : *tokens) sum += token.logprob;
  return std::optional(sum);
}

Candidate Session::judged(std::string text, FinishReason finish) const {
  Candidate candidate;
  candidate.text = std::move(text);
  candidate.finish = finish;
  judge(question_, candidate);
  return candidate;
}

void Session::replace_text(size_t index, std::string text) {
  Candidate& candidate = outcome_.candidates[index];
  candidate.text = std::move(text);
  candidate.eligible = false;
  candidate.answer.reset();
  candidate.key.clear();
  candidate.reason.clear();
  judge(question_, candidate);
}

void Session::end(size_t index, std::string why) {
  Candidate& candidate = outcome_.candidates[index];
  candidate.finish = FinishReason::kCancelled;
  candidate.eligible = false;
  candidate.reason = std::move(why);
}

size_t Session::add(Candidate candidate) {
  outcome_.candidates.push_back(std::move(candidate));
  return outcome_.candidates.size() - 1;
}

std::vector<size_t> Session::eligible() const {
  std::vector<size_t> indices;
  for (size_t i = 0; i < outcome_.candidates.size(); ++i) {
    if (outcome_.candidates[i].eligible) indices.push_back(i);
  }
  return indices;
}

Outcome Session::take(std::optional<size_t> index, std::string how) {
  outcome_.how = std::move(how) + skipped_text(outcome_.skipped);
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
  if (const auto among = eligible(); !among.empty()) {
    Selection selection = select(candidates, among);
    return take(selection.index, std::move(selection.how));
  }

  outcome_.fell_back = true;
  if (greedy_fallback && !cancelled() && !out_of_time()) {
    SamplingParams greedy = context_.sampling;
    greedy.temperature = 0;
    greedy.seed = context_.seed;
    WHET_TRY_STATUS(sample({greedy}, "fallback"));
    const size_t last = candidates.size() - 1;
    if (!eval::trimmed(candidates[last].text).empty()) {
      return take(last, "no eligible candidate: greedy fallback");
    }
  }
  std::vector<size_t> with_text;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const bool is_answer = !candidates[i].is_step;
    if (is_answer && !eval::trimmed(candidates[i].text).empty()) with_text.push_back(i);
  }
  if (with_text.empty()) return take(std::nullopt, "no candidate has any text");
  return take(best_by_logprob(candidates, with_text),
              "no eligible candidate: the text with the highest mean logprob");
}

Result<Outcome> Session::finish_preferring(std::optional<size_t> index, const std::string& how) {
  return finish([&](std::vector<Candidate>& candidates, const std::vector<size_t>& among) {
    if (index && candidates[*index].eligible) return Selection{*index, how};
    return select_as_usual(question_, context_, candidates, among);
  });
}

}  // namespace whet::strategy
