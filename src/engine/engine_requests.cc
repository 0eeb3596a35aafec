// The callers' side of the Engine: requests are checked, encoded, handed to the loop and waited
// for.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "decode/sampler.h"
#include "engine/engine.h"
#include "engine/range_error.h"
#include "engine/token_info.h"
#include "token/phrase_tokenizer.h"

namespace whet {

Result<std::vector<PromptPart>> Engine::render_chat(const Conversation& conversation) const {
  if (!chat_template_) {
    return Error(
        ErrorCode::kInvalidModel,
        "the model has no chat template; give one with --chat-template-file or use a raw prompt");
  }
  jinja::ChatTemplate::Options options;
  options.add_generation_prompt = true;
  options.gives_date = true;
  const Tokenizer& t = tokenizer();
  if (t.bos()) options.bos_token = t.piece(*t.bos());
  if (t.eos()) options.eos_token = t.piece(*t.eos());
  const auto find_control = [&t](std::string_view text) {
    std::vector<std::pair<size_t, size_t>> ranges;
    for (const TextRange& r : t.control_spellings(text)) ranges.emplace_back(r.begin, r.end);
    return ranges;
  };
  return chat_template_->render(conversation, options, find_control);
}

Result<std::vector<int32_t>> Engine::encode_prompt(const Prompt& prompt) const {
  if (const auto* conversation = std::get_if<Conversation>(&prompt)) {
    WHET_TRY(std::vector<PromptPart> parts, render_chat(*conversation));
    return tokenizer().encode(parts, /*add_bos=*/true);
  }
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    const PromptPart part{*text};
    return tokenizer().encode({&part, 1}, /*add_bos=*/true);
  }
  const auto& ids = std::get<std::vector<int32_t>>(prompt);
  WHET_TRY_STATUS(check_ids(ids));
  return ids;
}

Status Engine::check_ids(std::span<const int32_t> ids) const {
  for (int32_t id : ids) {
    if (id < 0 || id >= loaded_.model.config.vocab_size) {
      return range_error("prompt token id", 0, loaded_.model.config.vocab_size - 1, id);
    }
  }
  return ok_status();
}

Result<std::optional<int64_t>> Engine::count_prompt_tokens(const GenerateRequest& request) {
  WHET_TRY(std::vector<int32_t> tokens, encode_prompt(request.prompt));
  return std::optional<int64_t>(static_cast<int64_t>(tokens.size()));
}

Status Engine::validate_request(const GenerateRequest& request) const {
  const int64_t vocab = loaded_.model.config.vocab_size;
  if (request.samples.empty()) {
    return Error(ErrorCode::kInvalidArgument, "samples: expected at least one, found none");
  }
  for (const SamplingParams& params : request.samples) {
    WHET_TRY_STATUS(validate(params, vocab));
  }
  if (request.top_logprobs > vocab) {
    return range_error("top logprobs", 0, vocab, request.top_logprobs);
  }
  if (request.spread && request.top_logprobs < 0) {
    return Error(ErrorCode::kInvalidArgument,
                 "spread: expected top logprobs of 0 or more beside it, found none");
  }
  if (request.prompt_logprobs > vocab) {
    return range_error("prompt logprobs", 0, vocab, request.prompt_logprobs);
  }
  if (request.max_tokens < -1) {
    return range_error("max tokens", -1, kMaxContext, request.max_tokens);
  }
  if (request.min_tokens < 0 ||
      (request.max_tokens >= 0 && request.min_tokens > request.max_tokens)) {
    return range_error("min tokens", 0, request.max_tokens < 0 ? kMaxContext : request.max_tokens,
                       request.min_tokens);
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty()) {
      return Error(ErrorCode::kInvalidArgument, "stop: expected a non-empty string");
    }
  }
  return ok_status();
}

Result<RequestShape> Engine::shape_of(const GenerateRequest& request, size_t n_prompt) const {
  if (n_prompt == 0) {
    return Error(ErrorCode::kInvalidArgument, "the prompt is empty (0 tokens); expected some text");
  }
  RequestShape shape;
  shape.n_prompt = static_cast<int64_t>(n_prompt);
  shape.n_sequences = static_cast<int64_t>(request.samples.size());
  shape.all_logits = request.prompt_logprobs >= 0;
  if (shape.n_prompt + (request.max_tokens == 0 ? 0 : 1) > options_.context) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("the prompt has {} tokens, but the context holds {} including the answer; "
                    "shorten the prompt or raise --ctx-size",
                    n_prompt, options_.context));
  }
  shape.n_new = options_.context - shape.n_prompt;
  if (request.max_tokens >= 0) shape.n_new = std::min(shape.n_new, request.max_tokens);
  if (!scheduler_.can_ever_run(shape)) {
    const SchedulerLimits& limits = scheduler_.limits();
    return Error(
        ErrorCode::kResourceExhausted,
        fmt::format(
            "{} completions of a prompt of {} tokens with up to {} new tokens each may need "
            "{} positions of keys and values; memory allows {} (and {} completions at "
            "once); ask for fewer completions or tokens (-n)",
            shape.n_sequences, shape.n_prompt, shape.n_new, Scheduler::positions_needed(shape),
            limits.n_positions, limits.n_sequences));
  }
  return shape;
}

Result<GenerateResult> Engine::generate(const GenerateRequest& request, const EventSink& on_event,
                                        const CancelFlag* cancel) {
  const int64_t start_ns = monotonic_ns();
  WHET_TRY_STATUS(validate_request(request));
  WHET_TRY(std::vector<int32_t> prompt, encode_prompt(request.prompt));
  WHET_TRY(const RequestShape shape, shape_of(request, prompt.size()));
  ActiveRequest active(request, std::move(prompt), static_cast<bool>(on_event), cancel);
  active.shape = shape;
  active.result.start_ns = start_ns;
  active.result.n_prompt_tok = shape.n_prompt;
  submit(active);
  return active.wait(on_event);
}

void Engine::submit(ActiveRequest& request) {
  {
    std::lock_guard lock(mutex_);
    request.shape.id = next_request_++;
    arrivals_.push_back(&request);
  }
  arrived_.notify_one();
}

Result<std::vector<Embedding>> Engine::embed(const EmbedRequest& request,
                                             const CancelFlag* cancel) {
  GenerateRequest only_read;
  only_read.max_tokens = 0;
  only_read.cache_scope = request.cache_scope;
  std::vector<Embedding> embeddings(request.inputs.size());
  std::vector<std::unique_ptr<ActiveRequest>> active;
  for (size_t i = 0; i < request.inputs.size(); ++i) {
    const std::string where = fmt::format("input {}", i);
    std::vector<int32_t> ids;
    if (const auto* text = std::get_if<std::string>(&request.inputs[i])) {
      auto encoded = tokenizer().encode(*text, {.add_special = true, .parse_special = false});
      if (!encoded.ok()) return encoded.error().with_context(where);
      ids = std::move(*encoded);
    } else {
      ids = std::get<std::vector<int32_t>>(request.inputs[i]);
      if (Status valid = check_ids(ids); !valid.ok()) return valid.error().with_context(where);
    }
    const auto context = static_cast<size_t>(options_.context);
    if (request.truncate && ids.size() > context) {
      embeddings[i].n_cut_tok = static_cast<int64_t>(ids.size() - context);
      ids.resize(context);
    }
    auto shape = shape_of(only_read, ids.size());
    if (!shape.ok()) return shape.error().with_context(where);
    active.push_back(
        std::make_unique<ActiveRequest>(only_read, std::move(ids), /*has_sink=*/false, cancel));
    active.back()->shape = *shape;
    active.back()->pool.emplace(*options_.pooling, loaded_.model.config.d_model, shape->n_prompt);
    active.back()->result.n_prompt_tok = shape->n_prompt;
  }
  for (const auto& each : active) submit(*each);
  std::optional<Error> failed;
  for (size_t i = 0; i < active.size(); ++i) {
    // Every one is waited for: the loop holds it until it ends.
    auto result = active[i]->wait(nullptr);
    if (result.ok() && result->completions.front().finish == FinishReason::kCancelled) {
      result = Error(ErrorCode::kCancelled, "cancelled");
    }
    if (!result.ok()) {
      if (!failed) failed = result.error();
      continue;
    }
    embeddings[i].values = active[i]->pool->take();
    embeddings[i].n_tok = result->n_prompt_tok;
    if (request.normalise) normalise_length(embeddings[i].values);
    for (float value : embeddings[i].values) {
      if (!std::isfinite(value) && !failed) {
        failed = Error(ErrorCode::kInvalidModel,
                       fmt::format("input {}: the model's states are not finite", i));
      }
    }
  }
  if (failed) return *failed;
  return embeddings;
}

Result<std::vector<TokenInfo>> Engine::score(const Prompt& prompt, std::string_view continuation,
                                             const CancelFlag* cancel) {
  WHET_TRY(std::vector<int32_t> tokens, encode_prompt(prompt));
  size_t n_prompt = tokens.size();
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    // As one text, so that a base token may hold the end of the prompt's last word: what lm-eval
    // does. A phrase may not: what it says of the prompt would count for the continuation.
    const auto n_base = static_cast<size_t>(count_base_tokens(tokenizer(), tokens));
    WHET_TRY(const std::vector<int32_t> whole,
             encode_prompt(Prompt(*text + std::string(continuation))));
    SplitTokens parts = split_tokens(tokenizer(), whole, n_base);
    if (parts.rest.empty() && !continuation.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("score: expected \"{}\" to be tokens of its own behind the prompt, "
                               "found that it merges with the prompt's last ones",
                               continuation));
    }
    tokens = std::move(parts.first);
    n_prompt = tokens.size();
    tokens.insert(tokens.end(), parts.rest.begin(), parts.rest.end());
  } else {
    WHET_TRY(std::vector<int32_t> more,
             tokenizer().encode(continuation, {.add_special = false, .parse_special = false}));
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  WHET_TRY(std::vector<double> scores, score(tokens, cancel));
  std::vector<TokenInfo> infos;
  for (size_t i = std::max<size_t>(n_prompt, 1); i < tokens.size(); ++i) {
    infos.push_back(token_info(tokenizer(), {tokens[i], scores[i - 1], {}}));
  }
  return infos;
}

Result<std::vector<double>> Engine::score(std::span<const int32_t> tokens,
                                          const CancelFlag* cancel) {
  GenerateRequest request;
  request.prompt = std::vector<int32_t>(tokens.begin(), tokens.end());
  request.max_tokens = 0;
  request.prompt_logprobs = 0;
  WHET_TRY(GenerateResult result, generate(request, nullptr, cancel));
  if (result.completions.front().finish == FinishReason::kCancelled) {
    return Error(ErrorCode::kCancelled, "cancelled");
  }
  std::vector<double> scores;
  for (size_t i = 1; i < result.prompt_tokens.size(); ++i) {
    scores.push_back(result.prompt_tokens[i].logprob);
  }
  return scores;
}

}  // namespace whet
