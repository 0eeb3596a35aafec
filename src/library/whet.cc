#include "whet/whet.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <set>
#include <string>

#include "adapt/sparsity_choice.h"
#include "engine/engine.h"
#include "sys/machine.h"

namespace whet {

struct Model::State {
  std::unique_ptr<Engine> engine;
  std::mutex mutex;
  std::set<CancelFlag*> running;
};

namespace {

constexpr const char* kMoved =
    "this model was moved from or never loaded; expected one that Model::load gave";

/// What the engine would take at its word.
Status check(const GenerateOptions& o) {
  if (o.samples < 1) {
    return Error(ErrorCode::kInvalidArgument, "samples: expected 1 or more, found 0");
  }
  if (o.max_tokens < -1) {
    return Error(ErrorCode::kInvalidArgument,
                 "max_tokens: expected -1 (until the context is full) or more, found " +
                     std::to_string(o.max_tokens));
  }
  if (o.top_logprobs < -1) {
    return Error(ErrorCode::kInvalidArgument, "top_logprobs: expected -1 (none) or more, found " +
                                                  std::to_string(o.top_logprobs));
  }
  return ok_status();
}

Status check(const std::vector<Message>& messages) {
  if (messages.empty())
    return Error(ErrorCode::kInvalidArgument, "messages: expected at least one, found none");
  for (const Message& m : messages) {
    if (m.role == "system" || m.role == "user" || m.role == "assistant") continue;
    return Error(ErrorCode::kInvalidArgument,
                 "role: expected system, user or assistant, found \"" + m.role + "\"");
  }
  return ok_status();
}

GenerateRequest to_request(const GenerateOptions& o) {
  SamplingParams params{.temperature = o.temperature,
                        .top_k = o.top_k,
                        .top_p = o.top_p,
                        .min_p = o.min_p,
                        .repeat_penalty = o.repeat_penalty,
                        .presence_penalty = o.presence_penalty,
                        .frequency_penalty = o.frequency_penalty,
                        .repeat_last_n = o.repeat_last_n,
                        .logit_bias = o.logit_bias,
                        .seed = o.seed};
  GenerateRequest request;
  request.samples.assign(o.samples, params);
  for (size_t i = 0; i < o.samples; ++i) request.samples[i].seed = o.seed + i;
  request.max_tokens = o.max_tokens;
  request.stop = o.stop;
  request.ignore_eos = o.ignore_eos;
  request.top_logprobs = o.top_logprobs;
  return request;
}

std::vector<ScoredToken> to_scored(std::vector<TokenInfo> tokens) {
  std::vector<ScoredToken> scored;
  for (TokenInfo& t : tokens) {
    scored.push_back(
        {t.id.value_or(-1), std::move(t.bytes), t.logprob, to_scored(std::move(t.top))});
  }
  return scored;
}

Answer to_answer(GenerateResult result) {
  Answer answer;
  for (Completion& c : result.completions) {
    answer.samples.push_back({std::move(c.text), std::string(finish_reason_name(c.finish)),
                              c.n_completion_tok, to_scored(std::move(c.logprobs))});
  }
  answer.prompt_tokens = result.n_prompt_tok;
  if (result.first_token_ns > 0) {
    answer.first_token_ms = static_cast<double>(result.first_token_ns - result.start_ns) * 1e-6;
  }
  answer.total_ms = static_cast<double>(result.end_ns - result.start_ns) * 1e-6;
  return answer;
}

/// A cancel flag that Model::cancel() can reach while its request runs.
class RunningRequest {
 public:
  RunningRequest(std::mutex& mutex, std::set<CancelFlag*>& running)
      : mutex_(mutex), running_(running) {
    std::lock_guard lock(mutex_);
    running_.insert(&flag_);
  }
  ~RunningRequest() {
    std::lock_guard lock(mutex_);
    running_.erase(&flag_);
  }
  CancelFlag& flag() { return flag_; }

 private:
  std::mutex& mutex_;
  std::set<CancelFlag*>& running_;
  CancelFlag flag_;
};

Expected<Answer> run(Engine& engine, const GenerateRequest& request, const OnText& on_text,
                     CancelFlag& cancel) {
  EventSink sink;
  if (on_text) {
    sink = [&](const GenerateEvent& event) {
      const bool go_on = event.text.empty() || on_text(event.sample, event.text);
      return go_on ? Continue::kYes : Continue::kEndRequest;
    };
  }
  auto result = engine.generate(request, sink, &cancel);
  if (!result.ok()) return Expected<Answer>::failure(result.error().message());
  return to_answer(std::move(result).value());
}

Status make_sparse(const LoadOptions& options, LoadedModel& model, EngineOptions& engine) {
  WHET_TRY(const adapt::SparsityChoice choice, adapt::parse_sparsity(options.sparsity));
  if (choice.kind == adapt::SparsityChoice::Kind::kOff) return ok_status();
  engine.sparse_rows = SparseRows::kDecoded;
  engine.speculation.sources.fill(false);  // verified rows would round otherwise
  const int usable = cpu_limits().usable_threads();
  ThreadPool pool(options.threads > 0 ? std::min(options.threads, usable) : usable);
  WHET_TRY_STATUS(adapt::apply_sparsity(choice, engine.sparse_rows, pool, model));
  return ok_status();
}

}  // namespace

Model::Model(std::unique_ptr<State> state) : state_(std::move(state)) {}
Model::Model(Model&&) noexcept = default;
Model& Model::operator=(Model&&) noexcept = default;
Model::~Model() = default;

Expected<Model> Model::load(const std::string& path, const LoadOptions& options) {
  auto loaded = load_model(path);
  if (!loaded.ok()) return Expected<Model>::failure(loaded.error().message());
  EngineOptions engine_options;
  engine_options.threads = options.threads;
  engine_options.context = options.context;
  engine_options.chat_template = options.chat_template;
  if (const Status made = make_sparse(options, *loaded, engine_options); !made.ok()) {
    return Expected<Model>::failure(made.error().message());
  }
  auto engine = Engine::create(std::move(loaded).value(), engine_options);
  if (!engine.ok()) return Expected<Model>::failure(engine.error().message());
  auto state = std::make_unique<State>();
  state->engine = std::move(engine).value();
  return Model(std::move(state));
}

Expected<Answer> Model::generate(const std::string& prompt, const GenerateOptions& options,
                                 const OnText& on_text) {
  if (state_ == nullptr) return Expected<Answer>::failure(kMoved);
  if (Status ok = check(options); !ok.ok()) return Expected<Answer>::failure(ok.error().message());
  GenerateRequest request = to_request(options);
  request.prompt = prompt;
  RunningRequest running(state_->mutex, state_->running);
  return run(*state_->engine, request, on_text, running.flag());
}

Expected<Answer> Model::chat(const std::vector<Message>& messages, const GenerateOptions& options,
                             const OnText& on_text) {
  if (state_ == nullptr) return Expected<Answer>::failure(kMoved);
  if (Status ok = check(options); !ok.ok()) return Expected<Answer>::failure(ok.error().message());
  if (Status ok = check(messages); !ok.ok()) return Expected<Answer>::failure(ok.error().message());
  GenerateRequest request = to_request(options);
  for (const Message& m : messages) {
    request.conversation().messages.push_back({.role = m.role, .content = m.content});
  }
  RunningRequest running(state_->mutex, state_->running);
  return run(*state_->engine, request, on_text, running.flag());
}

Expected<std::vector<std::int32_t>> Model::tokenize(const std::string& text) const {
  using Ids = Expected<std::vector<std::int32_t>>;
  if (state_ == nullptr) return Ids::failure(kMoved);
  auto ids = state_->engine->encode_prompt(Prompt(text));
  if (!ids.ok()) return Ids::failure(ids.error().message());
  return std::move(ids).value();
}

Expected<std::string> Model::detokenize(const std::vector<std::int32_t>& ids) const {
  if (state_ == nullptr) return Expected<std::string>::failure(kMoved);
  const Tokenizer& tokenizer = state_->engine->tokenizer();
  for (std::int32_t id : ids) {
    if (id >= 0 && id < tokenizer.vocab_size()) continue;
    return Expected<std::string>::failure("ids: expected 0 to " +
                                          std::to_string(tokenizer.vocab_size() - 1) + ", found " +
                                          std::to_string(id));
  }
  return tokenizer.decode(ids, true, true);
}

void Model::cancel() {
  if (state_ == nullptr) return;
  std::lock_guard lock(state_->mutex);
  for (CancelFlag* flag : state_->running) flag->cancel();
}

}  // namespace whet
