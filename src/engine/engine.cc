#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "draft/phrase_file.h"
#include "engine/kv_fingerprint.h"
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

std::span<const float> Engine::step(std::span<const StepSegment> segments) {
  return runner_.forward_pass(segments);
}

EngineLoad Engine::load() const {
  std::lock_guard lock(mutex_);
  return load_;
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

}  // namespace whet
