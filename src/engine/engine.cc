#include "engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "decode/sampler.h"
#include "draft/phrase_file.h"
#include "engine/kv_fingerprint.h"
#include "engine/range_error.h"
#include "engine/token_info.h"
#include "engine/weight_summary.h"

namespace whet {
namespace {

// Beside decoding, prompts may make a step take this many times as long. A reader bears a gap of
// 4 in a stream; what a clock adds to single steps has room below it.
constexpr double kSlowdownBesideDecode = 2.3;
// Fewer rows than the kernels take at once would only cost.
constexpr int64_t kLeastRowsBesideDecode = 8;
constexpr int64_t kMostRowsBesideDecode = 128;

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(LoadedModel loaded, const EngineOptions& requested,
                                               std::optional<LoadedModel> draft) {
  WHET_TRY(const EngineOptions options, resolve_options(requested, loaded));
  WHET_TRY(TokenIndex phrases,
           read_phrase_file(options.speculation.phrase_file, *loaded.tokenizer));
  std::optional<jinja::ChatTemplate> chat_template;
  const std::string& source =
      options.chat_template.empty() ? loaded.chat_template_source : options.chat_template;
  if (!source.empty()) {
    auto compiled = jinja::ChatTemplate::compile(source);
    if (!compiled.ok()) return compiled.error();
    chat_template = std::move(compiled).value();
  }
  const KvShape shape = kv_shape_of(loaded.model.config, options.context, options.kv_type);
  WHET_TRY(std::unique_ptr<KvArena> arena, KvArena::create(shape, options.kv_bytes));
  SchedulerLimits limits;
  limits.n_rows = options.batch;
  limits.n_prompt_rows_beside_decode =
      std::min(options.batch, options.batch_beside_decode == 0 ? kLeastRowsBesideDecode
                                                               : options.batch_beside_decode);
  limits.n_ahead = options.reserve_ahead;
  limits.n_logits_rows = std::min(options.batch, limits.n_logits_rows);
  limits.n_positions = arena->total_blocks() * KvLayout::kBlock;
  limits.n_sequences = std::min(limits.n_sequences, arena->max_states());
  std::optional<PrefixFiles> files;
  if (!options.prefix_directory.empty() && shape.state_bytes() > 0) {
    return Error(
        ErrorCode::kInvalidArgument,
        "--prefix-cache-dir: expected a model whose layers all have keys and values, found "
        "one with recurrent states, which are not kept in files; leave the option out");
  }
  if (!options.prefix_directory.empty()) {
    WHET_TRY(const std::string fingerprint, kv_fingerprint(loaded, options.exact));
    WHET_TRY(files, PrefixFiles::open(options.prefix_directory, fingerprint, shape,
                                      options.prefix_limits));
  }
  auto engine = std::unique_ptr<Engine>(new Engine(std::move(loaded), options, limits,
                                                   std::move(arena), std::move(chat_template),
                                                   std::move(phrases), std::move(draft)));
  if (files) engine->prefix_index_.attach(std::move(*files));
  engine->thread_ =
      std::jthread([e = engine.get()](const std::stop_token& stop) { e->loop(stop); });
  return engine;
}

Engine::Engine(LoadedModel loaded, const EngineOptions& options, const SchedulerLimits& limits,
               std::unique_ptr<KvArena> arena, std::optional<jinja::ChatTemplate> chat_template,
               TokenIndex phrases, std::optional<LoadedModel> draft)
    : loaded_(std::move(loaded)),
      options_(options),
      chat_template_(std::move(chat_template)),
      pool_(std::make_unique<ThreadPool>(options.threads)),
      scheduler_(limits),
      arena_(std::move(arena)),
      prefix_index_(*arena_, options.prefix_cache ? arena_->total_blocks() : 0),
      runner_(loaded_.model, *pool_, *arena_, options.exact, options.sparse_rows),
      pacer_(kSlowdownBesideDecode, kLeastRowsBesideDecode, kMostRowsBesideDecode),
      speculation_(options.speculation, std::move(phrases),
                   draft
                       ? std::make_unique<DraftModel>(
                             std::move(*draft), *loaded_.tokenizer, loaded_.model.config.vocab_size,
                             options.speculation.n_draft_head, options.speculation.sparse_draft)
                       : nullptr,
                   loaded_.model, *loaded_.tokenizer, *pool_) {
  const ModelConfig& config = loaded_.model.config;
  description_.name = loaded_.file.path;
  description_.architecture = config.architecture;
  WeightSummary weights = summarise_weights(loaded_);
  description_.n_parameters = weights.n_parameters;
  description_.type = std::move(weights.type);
  description_.n_bytes = weight_bytes(loaded_);
  description_.context = options_.context;
  description_.trained_context = config.context_length;
  description_.vocab_size = static_cast<int32_t>(config.vocab_size);
  description_.embedding_size = config.d_model;
  description_.has_chat_template = chat_template_.has_value();
  load_.n_positions = limits.n_positions;
}

Engine::~Engine() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  arrived_.notify_all();
  thread_.join();
}

std::shared_ptr<const TokenTrie> Engine::token_trie() {
  std::call_once(token_trie_once_,
                 [this] { token_trie_ = std::make_shared<const TokenTrie>(tokenizer()); });
  return token_trie_;
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

std::span<const float> Engine::step(std::span<const StepSegment> segments) {
  return runner_.forward_pass(segments);
}

EngineLoad Engine::load() const {
  std::lock_guard lock(mutex_);
  return load_;
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

void Engine::save_prefixes(const std::stop_token& stop) {
  // A few blocks at a time: whoever arrives waits for no more than these.
  constexpr int64_t kBlocksAtATime = 4;
  while (true) {
    const auto saved = prefix_index_.save(kBlocksAtATime);
    // A full disk or a lost directory costs the files, never an answer.
    if (!saved.ok() || *saved == 0) return;
    std::lock_guard lock(mutex_);
    if (!arrivals_.empty() && !stop.stop_requested()) return;
  }
}

void Engine::loop(const std::stop_token& stop) {
  while (receive(stop)) {
    interrupt();
    admit();
    step_once();
    finish_ended();
    if (requests_.empty() && !options_.prefix_directory.empty()) save_prefixes(stop);
  }
}

bool Engine::receive(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  update_load();
  if (requests_.empty()) arrived_.wait(lock, stop, [this] { return !arrivals_.empty(); });
  for (ActiveRequest* request : arrivals_) {
    requests_.emplace(request->shape.id, request);
    scheduler_.submit(request->shape);
  }
  arrivals_.clear();
  update_load();
  return !requests_.empty() || !stop.stop_requested();
}

void Engine::update_load() {
  load_.n_waiting = static_cast<int64_t>(scheduler_.n_waiting());
  load_.n_running = static_cast<int64_t>(requests_.size()) - load_.n_waiting;
  load_.n_reserved = scheduler_.n_reserved();
  load_.kv = arena_->stats();
}

void Engine::admit() {
  for (const RequestShape& shape : scheduler_.admit()) {
    ActiveRequest& request = *requests_.at(shape.id);
    if (Status started = start(request); !started.ok()) finish(shape.id, started.error());
  }
}

void Engine::make_sequences(ActiveRequest& request) {
  const GenerateRequest& asked = request.request();
  std::shared_ptr<const Constraint> constraint;
  if (asked.grammar != nullptr) {
    constraint = std::make_shared<const Constraint>(asked.grammar, token_trie());
  }
  for (const SamplingParams& sampling : asked.samples) {
    request.sequences.push_back(
        std::make_unique<Sequence>(tokenizer(), asked, sampling, loaded_.model.config.vocab_size,
                                   request.prompt(), request.shape.n_new, constraint));
    request.ids.push_back(next_sequence_++);
    sequences_.emplace(request.ids.back(), request.sequences.back().get());
    if (asked.speculate) speculation_.admit(request.ids.back(), asked.cache_scope);
  }
}

Status Engine::start(ActiveRequest& request) {
  const bool first_time = request.sequences.empty();
  if (first_time) make_sequences(request);
  std::vector<SequenceId> ids;
  std::vector<int64_t> n_known;
  Sequence* leader = nullptr;
  for (size_t i = 0; i < request.sequences.size(); ++i) {
    Sequence& sequence = *request.sequences[i];
    if (!sequence.active()) continue;
    if (leader == nullptr) leader = &sequence;
    ids.push_back(request.ids[i]);
    n_known.push_back(static_cast<int64_t>(sequence.ids().size()));
  }
  // All logits of a scored prompt must be computed, the last of any other; and others branch off
  // behind the prompt, not behind what their leader has sampled.
  const GenerateRequest& asked = request.request();
  const bool is_scored = asked.prompt_logprobs >= 0 && n_known[0] == request.shape.n_prompt;
  const int64_t n_wanted = ids.size() > 1 ? request.shape.n_prompt : n_known[0];
  // A text that was sent away while it was read is pooled from its start again.
  if (request.pool) leader->pool = request.pool;
  const size_t n_reusable = leader->pool ? static_cast<size_t>(leader->pool->n_unread())
                            : is_scored  ? 0
                                         : static_cast<size_t>(n_wanted - 1);
  WHET_TRY(leader->kv, prefix_index_.open(asked.cache_scope, leader->ids().first(n_reusable)));
  if (first_time) request.result.n_cached_tok = leader->kv->size();
  scheduler_.start(request.shape, ids, n_known, leader->kv->size());
  return ok_status();
}

void Engine::make_room() {
  for (RequestId id : scheduler_.make_room()) {
    ActiveRequest& request = *requests_.at(id);
    for (const auto& sequence : request.sequences) {
      if (sequence->kv) keep_prefix(request, *sequence);
      sequence->kv.reset();
      sequence->draft.clear();
    }
    std::lock_guard lock(mutex_);
    ++load_.n_gave_way;
  }
}

void Engine::keep_prefix(const ActiveRequest& request, Sequence& sequence) {
  // What was decoded sparse must not stand for what a prompt computes dense.
  const int64_t n_true = options_.sparse_rows == SparseRows::kDecoded
                             ? std::min(sequence.kv->size(), sequence.n_prompt())
                             : sequence.kv->size();
  if (n_true == 0) return;
  const auto n = static_cast<size_t>(n_true);
  prefix_index_.insert(request.request().cache_scope, sequence.ids().first(n), *sequence.kv);
}

void Engine::interrupt() {
  const int64_t now_ns = monotonic_ns();
  for (auto& [id, request] : requests_) {
    const auto reason = request->interruption(now_ns);
    if (reason && request->sequences.empty()) {
      // Waiting: nothing was begun, but the caller gets as many completions as it asked for.
      request->result.completions.resize(request->request().samples.size());
      for (Completion& c : request->result.completions) c.finish = *reason;
    }
    for (size_t i = 0; i < request->sequences.size(); ++i) {
      Sequence& sequence = *request->sequences[i];
      if (!sequence.active() || !(reason || request->unwanted(i))) continue;
      sequence.finish(reason.value_or(FinishReason::kCancelled));
      scheduler_.end_sequence(request->ids[i]);
    }
    if (reason) {
      std::lock_guard lock(mutex_);
      ++load_.n_cancelled;
    }
  }
  finish_ended();
}

void Engine::step_once() {
  const auto find = [this](SequenceId id) -> Sequence& { return *sequences_.at(id); };
  speculation_.propose(scheduler_, find);
  if (options_.batch_beside_decode == 0) {
    scheduler_.limit_prompt_rows_beside_decode(std::min(options_.batch, pacer_.n_prompt_rows()));
  }
  make_room();
  const StepPlan plan = scheduler_.plan();
  if (plan.segments.empty()) return;
  const int64_t begin_ns = monotonic_ns();
  auto outcomes = runner_.run(plan, find);
  if (!outcomes.ok()) {
    // What a step could not do, none of its requests can go on without.
    std::vector<RequestId> failed;
    for (const auto& [id, request] : requests_) {
      if (!request->sequences.empty()) failed.push_back(id);
    }
    for (RequestId id : failed) finish(id, outcomes.error());
    return;
  }
  const int64_t now_ns = monotonic_ns();
  if (plan.n_decode_rows > 0) pacer_.note(plan.n_prompt_rows, now_ns - begin_ns);
  speculation_.note(plan, *outcomes, find,
                    static_cast<double>(runner_.forward_end_ns() - begin_ns) * 1e-9);
  scheduler_.apply(plan, *outcomes);
  for (auto& [id, request] : requests_) {
    if (request->sequences.empty()) continue;
    uint64_t kv_bytes = 0;
    bool sampled = false;
    for (const auto& sequence : request->sequences) {
      if (sequence->kv) kv_bytes += sequence->kv->used_bytes();
      sampled |= sequence->ids().size() > request->prompt().size();
    }
    GenerateResult& result = request->result;
    result.kv_committed_bytes = std::max(result.kv_committed_bytes, kv_bytes);
    const Sequence& first = *request->sequences.front();
    const bool prompt_read =
        first.kv && first.kv->size() >= static_cast<int64_t>(request->prompt().size());
    if (prompt_read && result.prefill_end_ns == 0) result.prefill_end_ns = runner_.forward_end_ns();
    if (sampled && result.first_token_ns == 0) result.first_token_ns = now_ns;
    publish(*request);
  }
}

void Engine::publish(ActiveRequest& request) {
  if (!request.has_sink()) return;
  for (size_t i = 0; i < request.sequences.size(); ++i) {
    SequenceNews news = request.sequences[i]->take_news();
    if (!news.empty()) request.publish(i, std::move(news));
  }
}

void Engine::finish_ended() {
  std::vector<RequestId> ended;
  for (const auto& [id, request] : requests_) {
    const auto& sequences = request->sequences;
    const bool over =
        sequences.empty()
            ? !request->result.completions.empty()
            : std::ranges::none_of(sequences, [](const auto& s) { return s->active(); }) ||
                  std::ranges::any_of(sequences,
                                      [](const auto& s) { return s->error().has_value(); });
    if (over) ended.push_back(id);
  }
  for (RequestId id : ended) {
    ActiveRequest& request = *requests_.at(id);
    publish(request);
    GenerateResult result = std::move(request.result);
    result.end_ns = monotonic_ns();
    const auto failed = std::ranges::find_if(
        request.sequences, [](const auto& sequence) { return sequence->error().has_value(); });
    if (failed != request.sequences.end()) {
      finish(id, *(*failed)->error());
      continue;
    }
    if (!request.sequences.empty()) {
      Sequence& first = *request.sequences.front();
      request.pool = std::move(first.pool);
      result.prompt_tokens = first.take_prompt_tokens();
      const bool reads_all = request.pool && request.pool->n_unread() == 0;  // of every text
      if (first.kv && !reads_all) keep_prefix(request, first);
      for (const auto& sequence : request.sequences) {
        result.completions.push_back(sequence->take_completion());
      }
    }
    finish(id, std::move(result));
  }
}

void Engine::finish(RequestId id, Result<GenerateResult> result) {
  ActiveRequest& request = *requests_.at(id);
  scheduler_.end_request(id);
  for (size_t i = 0; i < request.ids.size(); ++i) {
    const SpeculationCounts counts = speculation_.dismiss(request.ids[i], *request.sequences[i]);
    if (result.ok()) result->speculation.add(counts);
    sequences_.erase(request.ids[i]);
  }
  requests_.erase(id);
  if (result.ok()) {
    std::lock_guard lock(mutex_);
    load_.n_prompt_tok += result->n_prompt_tok;
    load_.n_cached_tok += result->n_cached_tok;
    for (const Completion& c : result->completions) load_.n_completion_tok += c.n_completion_tok;
    load_.n_drafted_tok += result->speculation.n_drafted();
    load_.n_accepted_tok += result->speculation.n_accepted();
  }
  request.sequences.clear();
  request.complete(std::move(result));
}

Result<std::vector<TokenInfo>> Engine::score(const Prompt& prompt, std::string_view continuation,
                                             const CancelFlag* cancel) {
  WHET_TRY(std::vector<int32_t> tokens, encode_prompt(prompt));
  const size_t n_prompt = tokens.size();
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    // As one text, so that a token may hold the end of the prompt's last word: what lm-eval does.
    WHET_TRY(tokens, encode_prompt(Prompt(*text + std::string(continuation))));
    if (tokens.size() <= n_prompt && !continuation.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("score: expected \"{}\" to be tokens of its own behind the prompt, "
                               "found that it merges with the prompt's last ones",
                               continuation));
    }
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
