#include "cli/model_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <random>

#include "adapt/sparsity_choice.h"
#include "cli/model_source.h"
#include "cli/terminal.h"
#include "decode/sampler.h"
#include "sys/file_bytes.h"
#include "sys/machine.h"

namespace whet {
namespace {

constexpr uint64_t kMaxTemplateBytes = 1 << 20;
constexpr const char *kRepackAuto = "auto", *kRepackOn = "on", *kRepackOff = "off";
constexpr DType kCacheTypes[] = {DType::F32, DType::F16, DType::BF16, DType::Q8_0};

Result<std::pair<int32_t, double>> parse_bias(const std::string& text) {
  size_t sign = text.find_first_of("+-", 1);
  int32_t id = 0;
  double bias = 0;
  if (sign != std::string::npos) {
    const char* begin = text.data();
    const char* middle = begin + sign;
    const char* end = begin + text.size();
    auto id_parse = std::from_chars(begin, middle, id);
    auto bias_parse = std::from_chars(*middle == '+' ? middle + 1 : middle, end, bias);
    if (id_parse.ec == std::errc() && id_parse.ptr == middle && bias_parse.ec == std::errc() &&
        bias_parse.ptr == end) {
      return std::pair{id, bias};
    }
  }
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("expected TOKEN_ID followed by +BIAS or -BIAS, as 15+1.5 or 15-inf, found \"{}\"",
                  text));
}

ValueReader read_cache_type(DType& type) {
  return [&type](const std::string& text) -> Status {
    for (const DType known : kCacheTypes) {
      if (text != cache_type_name(known)) continue;
      type = known;
      return ok_status();
    }
    // Published perplexities of models below some 4 B parameters, which run here, rise by several
    // per cent and up to threefold with 4-bit keys and values, rotated ones included.
    const bool too_few_bits =
        text.starts_with("q4") || text.starts_with("q5") || text.starts_with("iq4");
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("expected f32, f16, bf16 or q8_0, found \"{}\"{}", text,
                             too_few_bits ? "; keys and values of fewer than 8 bits cost small "
                                            "models more quality than their memory is worth"
                                          : ""));
  };
}

/// All 64 bits, or -1 for a drawn seed.
Status read_seed(const std::string& text, std::optional<uint64_t>& seed) {
  if (text == "-1") {
    seed.reset();
    return ok_status();
  }
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("expected -1 (drawn) or a whole number from 0 to {}, found \"{}\"",
                             std::numeric_limits<uint64_t>::max(), text));
  }
  seed = value;
  return ok_status();
}

}  // namespace

std::string cache_type_name(DType type) {
  std::string name(dtype_info(type).name);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

void warn_of_untrained_context(const Engine& engine) {
  const ModelDescription& model = engine.describe();
  if (model.trained_context == 0 || model.context <= model.trained_context) return;
  print_warning(
      fmt::format("the context is {} tokens, but {} was trained for {}; what it says beyond those "
                  "is rarely of use",
                  model.context, model.name, model.trained_context));
}

void StorageFlags::add_to(Command& command, const char* repack_default) {
  command.add("--no-mmap", &no_mmap,
              "copy the weights to memory on huge pages: slower start, often faster decode");
  command
      .add("--repack", &repack,
           "interleave the rows of the weights in such a copy; auto: those of types for which this "
           "CPU decodes faster so, if memory allows it")
      .one_of({kRepackAuto, kRepackOn, kRepackOff})
      .alone(kRepackOn)
      .value_name("MODE")
      .default_text(repack_default);
}

Result<LoadedModel> StorageFlags::load(const std::string& model, int threads,
                                       const ModelUse& use) const {
  WHET_TRY(const std::string path, model_path(model));
  LoadRequest options{.storage = no_mmap ? WeightStorage::kCopied : WeightStorage::kMapped,
                      .copy = no_mmap,
                      .rows_per_step = use.rows_per_step,
                      .threads = threads};
  if (repack == kRepackOn) options.storage = WeightStorage::kInterleaved;
  if (repack == kRepackAuto || (repack.empty() && use.lives_long)) options.storage.reset();
  WHET_TRY(LoadedModel loaded, load_model(path, options));
  for (const std::string& note : loaded.notes) print_note(path + ": " + note);
  if (!loaded.storage_choice.empty()) print_note(loaded.storage_choice);
  if (options.storage && loaded.storage != *options.storage) {
    print_note(path +
               ": --repack: no matrix of a type and shape that is interleaved (F32, F16, BF16 but "
               "not on avx512_bf16, Q4_0, Q8_0, Q4_K, Q5_K, Q6_K; whole panels of rows); copied "
               "as with --no-mmap");
  }
  return loaded;
}

void CacheFlags::add_to(Command& command) {
  command
      .add("-ctk,--cache-type-k", read_cache_type(k), "type of cached keys: f32, f16, bf16 or q8_0")
      .value_name("TYPE")
      .any_case()
      .default_text(cache_type_name(k));
  command.add("-ctv,--cache-type-v", read_cache_type(v), "type of cached values, the same")
      .value_name("TYPE")
      .any_case()
      .default_text(cache_type_name(v));
}

Result<DType> CacheFlags::type() const {
  if (k == v) return k;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("--cache-type-v: expected the type of --cache-type-k, {}, found {}; "
                           "give both",
                           cache_type_name(k), cache_type_name(v)));
}

void ModelFlags::add_to(Command& command, const char* repack_default) {
  command.add("MODEL,-m,--model", &model, kModelOrAddressHelp).required();
  add_engine_flags(command, repack_default);
}

void ModelFlags::add_engine_flags(Command& command, const char* repack_default) {
  const size_t n_before = command.flags().size();
  command.add("-c,--ctx-size", &engine.context, "context in tokens (0 = the model's own)")
      .at_least(0);
  command.add("-t,--threads", &engine.threads, "threads (0 = as many as this process may use)")
      .between(0, kMaxThreads);
  command.add("-b,--batch-size", &engine.batch, "most prompt tokens in one forward pass")
      .at_least(1);
  cache.add_to(command);
  storage.add_to(command, repack_default);
  command
      .add("--prefix-cache-dir", &engine.prefix_directory,
           "keep the keys and values of prompts in files, for later processes too")
      .value_name("DIRECTORY");
  command.add("--exact", &engine.exact,
              "activations stay float: slow, for comparisons of quantised models");
  command
      .add("--chat-template-file", &chat_template_file,
           "Jinja template that replaces the model's own")
      .value_name("FILE");
  for (size_t i = n_before; i < command.flags().size(); ++i) {
    local_flags_.push_back(&command.flags()[i]);
  }
}

void ModelFlags::add_speculation_to(Command& command) {
  const size_t n_before = command.flags().size();
  speculation.add_to(command);
  for (size_t i = n_before; i < command.flags().size(); ++i) {
    local_flags_.push_back(&command.flags()[i]);
  }
}

void ModelFlags::add_sparsity_to(Command& command, SparseRows rows) {
  sparse_rows = rows;
  local_flags_.push_back(&add_sparsity_flag(command, &sparsity));
}

const Flag& add_sparsity_flag(Command& command, std::string* plan) {
  return command
      .add("--sparsity", plan,
           "off, plan (the channels that the model's file says are kept), or a share of channels "
           "to skip: 0.4 (by LaRoSA's rule), wina:0.4 (weighed by the norms of columns), down:0.4 "
           "(of down's input alone), block:0.4 (in whole blocks of 32), teal:0.4 and cats:0.4 "
           "(below thresholds from whet adapt "
           "magnitudes)")
      .value_name("PLAN");
}

Status apply_sparsity(const std::string& plan, SparseRows rows, LoadedModel& loaded,
                      EngineOptions& options) {
  WHET_TRY(const adapt::SparsityChoice choice, adapt::parse_sparsity(plan));
  if (choice.kind == adapt::SparsityChoice::Kind::kOff) return ok_status();
  options.sparse_rows = rows;
  ThreadPool pool(options.threads > 0 ? options.threads : cpu_limits().usable_threads());
  WHET_TRY(const ChannelCopies copies, adapt::apply_sparsity(choice, rows, pool, loaded));
  std::string note = fmt::format("--sparsity {}: {:.2f} % of the layers' weights skipped", plan,
                                 100 * loaded.model.sparsity->share);
  const bool in_blocks = loaded.model.sparsity->block > 1;
  if (rows == SparseRows::kDecoded && !in_blocks) {
    note += fmt::format("; {} matrices copied channel by channel, {} MiB", copies.n_matrices,
                        copies.bytes >> 20);
  }
  if (copies.n_without > 0) {
    note += fmt::format(
        "; {} matrices are read whole, being {}", copies.n_without,
        in_blocks ? "of types without blocks of 32 columns" : "neither Q8_0, Q4_0 nor Q4_1");
  }
  print_note(note);
  return ok_status();
}

void ModelFlags::add_remote_to(Command& command) {
  const size_t n_before = command.flags().size();
  remote_.add_to(command);
  for (size_t i = n_before; i < command.flags().size(); ++i) {
    remote_flags_.push_back(&command.flags()[i]);
  }
}

Result<OpenedModel> ModelFlags::open() const {
  const bool is_remote = remote::is_address(model);
  for (const Flag* flag : is_remote ? local_flags_ : remote_flags_) {
    if (!flag->given()) continue;
    return Error(ErrorCode::kInvalidArgument,
                 is_remote ? fmt::format("{}: not for {}: the engine there decides",
                                         flag->first_name(), model)
                           : fmt::format("{}: expected a model that is an address too, found {}",
                                         flag->first_name(), model));
  }
  OpenedModel opened;
  if (is_remote) {
    WHET_TRY(opened.generator, remote_.open(model));
    return opened;
  }
  WHET_TRY(auto loaded, load());
  opened.engine = loaded.get();
  opened.generator = std::move(loaded);
  return opened;
}

Result<std::unique_ptr<Engine>> ModelFlags::load() const {
  if (remote::is_address(model)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected a file here: another engine's model answers whet run, "
                             "eval and bench",
                             model));
  }
  EngineOptions options = engine;
  if (!chat_template_file.empty()) {
    WHET_TRY(options.chat_template, read_file(chat_template_file, kMaxTemplateBytes));
  }
  WHET_TRY(options.kv_type, cache.type());
  WHET_TRY(options.speculation, speculation.resolve());
  if (sparsity != "off" && sparse_rows == SparseRows::kDecoded && !drafts_beside_sparsity) {
    // Rows that are verified together read whole weights and round otherwise than a sparse row
    // alone, and speculation must not change a bit.
    const bool asked = !speculation.types.empty() || !speculation.draft_model.empty() ||
                       !speculation.options.phrase_file.empty();
    if (asked && std::ranges::count(options.speculation.sources, true) > 0) {
      return Error(ErrorCode::kInvalidArgument,
                   "--sparsity: expected no speculation beside it, found flags that ask for some; "
                   "leave one of the two out");
    }
    options.speculation.sources.fill(false);
  }
  ModelUse all_use = use;
  // Weights are copied channel by channel from rows as the file has them.
  if (sparsity != "off" && !sparsity.starts_with("block:") && sparse_rows == SparseRows::kDecoded)
    all_use.lives_long = false;
  if (std::ranges::count(options.speculation.sources, true) > 0) {
    all_use.rows_per_step = std::max(use.rows_per_step, 2);  // steps verify several tokens
  }
  WHET_TRY(LoadedModel loaded, storage.load(model, engine.threads, all_use));
  WHET_TRY_STATUS(apply_sparsity(sparsity, sparse_rows, loaded, options));
  std::optional<LoadedModel> draft;
  if (!speculation.draft_model.empty()) {
    const bool sparse = speculation.draft_sparsity != "off";
    ModelUse draft_use = use;
    if (sparse) draft_use.lives_long = false;
    WHET_TRY(draft, storage.load(speculation.draft_model, engine.threads, draft_use));
    EngineOptions of_draft = options;
    WHET_TRY_STATUS(
        apply_sparsity(speculation.draft_sparsity, SparseRows::kDecoded, *draft, of_draft));
    options.speculation.sparse_draft = sparse;
  }
  WHET_TRY(auto created, Engine::create(std::move(loaded), options, std::move(draft)));
  warn_of_untrained_context(*created);
  if (engine.context == 0 && created->context() < created->describe().trained_context) {
    print_warning(fmt::format(
        "the context is {} of the model's {} tokens: no more keys and values fit in memory; "
        "--ctx-size chooses another",
        created->context(), created->describe().trained_context));
  }
  return created;
}

void SamplingFlags::add_to(Command& command) {
  command.begin_group("Sampling");
  command.add("--temp,--temperature", &params.temperature, "temperature (0 = greedy)");
  command.add("--top-k", &params.top_k, "keep the k likeliest tokens (0 = off)");
  command.add("--top-p", &params.top_p, "keep the smallest set of this mass (1 = off)");
  command.add("--min-p", &params.min_p, "drop tokens below this share of the likeliest (0 = off)");
  command.add("--repeat-penalty", &params.repeat_penalty,
              "divides logits of recent tokens (1 = off)");
  command.add("--repeat-last-n", &params.repeat_last_n,
              "window of the penalties (0 = off, -1 = context)");
  command.add("--presence-penalty", &params.presence_penalty, "subtracted from seen tokens");
  command.add("--frequency-penalty", &params.frequency_penalty, "subtracted per occurrence");
  command
      .add(
          "-l,--logit-bias",
          [this](const std::string& text) -> Status {
            WHET_TRY(auto bias, parse_bias(text));
            params.logit_bias.push_back(bias);
            return ok_status();
          },
          "added to the logit of a token; may be repeated")
      .repeated()
      .value_name("ID+BIAS");
}

void SamplingFlags::add_run_flags(Command& command) {
  command
      .add(
          "-s,--seed", [this](const std::string& text) { return read_seed(text, seed); },
          "seed (-1 = drawn, and printed)")
      .default_text("-1");
  command.add("-r,--reverse-prompt,--stop", &stop, "stop before this text; may be repeated");
}

Result<SamplingParams> SamplingFlags::resolve() const {
  SamplingParams resolved = params;
  // 32 bits, so that the printed seed survives every JSON reader.
  resolved.seed = seed ? *seed : std::random_device{}();
  // Ids are checked against the vocabulary when the model is known.
  WHET_TRY_STATUS(validate(resolved, std::numeric_limits<int32_t>::max()));
  return resolved;
}

}  // namespace whet
