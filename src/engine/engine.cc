#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "decode/sampler.h"
#include "engine/request.h"
#include "engine/token_info.h"
#include "sys/machine.h"

namespace whet {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int64_t kMaxContext = int64_t{1} << 28;

Error out_of_range(std::string_view what, int64_t low, int64_t high, int64_t found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: expected {} to {}, found {}", what, low, high, found));
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(LoadedModel loaded, const EngineOptions& requested) {
  EngineOptions options = requested;
  if (options.threads == 0) options.threads = cpu_limits().usable_threads();
  if (options.context == 0) options.context = loaded.model.config.context_length;
  if (options.threads < 1 || options.threads > kMaxThreads) {
    return out_of_range("threads", 1, kMaxThreads, options.threads);
  }
  if (options.context < 1 || options.context > kMaxContext) {
    return out_of_range("context size", 1, kMaxContext, options.context);
  }
  if (options.batch < 1 || options.batch > kMaxContext) {
    return out_of_range("batch size", 1, kMaxContext, options.batch);
  }
  std::optional<jinja::ChatTemplate> chat_template;
  const std::string& source =
      options.chat_template.empty() ? loaded.chat_template_source : options.chat_template;
  if (!source.empty()) {
    auto compiled = jinja::ChatTemplate::compile(source);
    if (!compiled.ok()) return compiled.error().with_context("chat template");
    chat_template = std::move(compiled).value();
  }
  auto engine =
      std::unique_ptr<Engine>(new Engine(std::move(loaded), options, std::move(chat_template)));
  WHET_TRY_STATUS(KvSequence::create(engine->kv_shape()));  // reserves nothing but addresses
  return engine;
}

Engine::Engine(LoadedModel loaded, const EngineOptions& options,
               std::optional<jinja::ChatTemplate> chat_template)
    : loaded_(std::move(loaded)),
      options_(options),
      chat_template_(std::move(chat_template)),
      pool_(std::make_unique<ThreadPool>(options.threads)),
      scratch_(loaded_.model.config, options.exact) {
  const ModelConfig& config = loaded_.model.config;
  description_.name = loaded_.file.path;
  description_.architecture = config.architecture;
  description_.context = options_.context;
  description_.trained_context = config.context_length;
  description_.vocab_size = static_cast<int32_t>(config.vocab_size);
  description_.has_chat_template = chat_template_.has_value();
}

KvShape Engine::kv_shape() const {
  return kv_shape_of(loaded_.model.config, options_.context, options_.kv_type);
}

Result<std::vector<PromptPart>> Engine::render_chat(const Conversation& conversation) const {
  if (!chat_template_) {
    return Error(
        ErrorCode::kInvalidModel,
        "the model has no chat template; give one with --chat-template-file or use a raw prompt");
  }
  jinja::ChatTemplate::Options options;
  options.add_generation_prompt = true;
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
  for (int32_t id : ids) {
    if (id < 0 || id >= loaded_.model.config.vocab_size) {
      return out_of_range("prompt token id", 0, loaded_.model.config.vocab_size - 1, id);
    }
  }
  return ids;
}

Result<std::optional<int64_t>> Engine::count_prompt_tokens(const GenerateRequest& request) {
  WHET_TRY(std::vector<int32_t> tokens, encode_prompt(request.prompt));
  return std::optional<int64_t>(static_cast<int64_t>(tokens.size()));
}

std::span<const float> Engine::step(std::span<const StepSegment> segments) {
  return forward(loaded_.model, segments, scratch_, *pool_);
}

Result<GenerateResult> Engine::generate(const GenerateRequest& request, const EventSink& on_event,
                                        const CancelFlag* cancel) {
  std::lock_guard lock(mutex_);
  int64_t start_ns = monotonic_ns();
  if (request.samples.empty()) {
    return Error(ErrorCode::kInvalidArgument, "samples: expected at least one, found none");
  }
  for (const SamplingParams& params : request.samples) {
    WHET_TRY_STATUS(validate(params, loaded_.model.config.vocab_size));
  }
  if (request.top_logprobs > loaded_.model.config.vocab_size) {
    return out_of_range("top logprobs", 0, loaded_.model.config.vocab_size, request.top_logprobs);
  }
  for (const std::string& stop : request.stop) {
    if (stop.empty())
      return Error(ErrorCode::kInvalidArgument, "stop: expected a non-empty string");
  }
  WHET_TRY(std::vector<int32_t> prompt, encode_prompt(request.prompt));
  if (prompt.empty()) {
    return Error(ErrorCode::kInvalidArgument, "the prompt is empty (0 tokens); expected some text");
  }
  if (static_cast<int64_t>(prompt.size()) >= options_.context) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("the prompt has {} tokens, but the context holds {} including the answer; "
                    "shorten the prompt or raise --ctx-size",
                    prompt.size(), options_.context));
  }
  RequestRun run(*this, request, std::move(prompt), start_ns, on_event, cancel);
  return run.run();
}

Result<std::vector<TokenInfo>> Engine::score(const Prompt& prompt, std::string_view continuation,
                                             const CancelFlag* cancel) {
  WHET_TRY(std::vector<int32_t> tokens, encode_prompt(prompt));
  const size_t n_prompt = tokens.size();
  WHET_TRY(std::vector<int32_t> more,
           tokenizer().encode(continuation, {.add_special = false, .parse_special = false}));
  tokens.insert(tokens.end(), more.begin(), more.end());
  WHET_TRY(std::vector<double> scores, score(tokens, cancel));
  std::vector<TokenInfo> infos;
  for (size_t i = std::max<size_t>(n_prompt, 1); i < tokens.size(); ++i) {
    infos.push_back(token_info(tokenizer(), {tokens[i], scores[i - 1], {}}));
  }
  return infos;
}

Result<std::vector<double>> Engine::score(std::span<const int32_t> tokens,
                                          const CancelFlag* cancel) {
  std::lock_guard lock(mutex_);
  if (static_cast<int64_t>(tokens.size()) > options_.context) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} tokens to score, but the context holds {}", tokens.size(),
                             options_.context));
  }
  WHET_TRY(KvSequence kv, KvSequence::create(kv_shape()));
  const auto vocab = static_cast<size_t>(loaded_.model.config.vocab_size);
  std::vector<double> scores;
  for (size_t first = 0; first < tokens.size(); first += static_cast<size_t>(options_.batch)) {
    if (cancel != nullptr && cancel->cancelled()) return Error(ErrorCode::kCancelled, "cancelled");
    auto chunk =
        tokens.subspan(first, std::min(static_cast<size_t>(options_.batch), tokens.size() - first));
    StepSegment segment{&kv, chunk, StepSegment::Logits::kAll};
    std::span<const float> logits = step({&segment, 1});
    for (size_t i = 0; i < chunk.size() && first + i + 1 < tokens.size(); ++i) {
      const std::span<const float> row = logits.subspan(i * vocab, vocab);
      const Status finite = check_finite(row);
      if (!finite.ok()) return finite.error().with_context("scoring the text");
      scores.push_back(token_logprob(row, tokens[first + i + 1], 0).logprob);
    }
  }
  return scores;
}

}  // namespace whet
