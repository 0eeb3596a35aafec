#include "cli/model_flags.h"

#include <fmt/format.h>

#include <charconv>
#include <random>

#include "sys/file_bytes.h"

namespace whet {
namespace {

constexpr uint64_t kMaxTemplateBytes = 1 << 20;

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
      fmt::format("--logit-bias: expected TOKEN_ID followed by +BIAS or -BIAS, as 15+1.5 or "
                  "15-inf, found \"{}\"",
                  text));
}

/// One type serves both: a kernel per pair of types would be four times the code.
Result<DType> cache_type(const std::string& k, const std::string& v) {
  if (k != v) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--cache-type-v: expected the type of --cache-type-k, \"{}\", found "
                             "\"{}\"",
                             k, v));
  }
  for (const DType type : {DType::F32, DType::F16, DType::BF16, DType::Q8_0}) {
    if (k == cache_type_name(type)) return type;
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("--cache-type-k: expected f32, f16, bf16 or q8_0, found \"{}\"", k));
}

}  // namespace

std::string cache_type_name(DType type) {
  return CLI::ignore_case(std::string(dtype_info(type).name));
}

void StorageFlags::add_to(CLI::App& command) {
  command.add_flag("--no-mmap", no_mmap,
                   "copy the weights to memory on huge pages: slower start, often faster decode");
  command.add_flag("--repack", repack,
                   "interleave the rows of the weights in such a copy: faster decode");
}

Result<LoadedModel> StorageFlags::load(const std::string& path, int threads) const {
  WeightStorage wanted = no_mmap ? WeightStorage::kCopied : WeightStorage::kMapped;
  if (repack) wanted = WeightStorage::kInterleaved;
  WHET_TRY(LoadedModel loaded, load_model(path, wanted, threads));
  for (const std::string& note : loaded.notes) fmt::print(stderr, "{}: note: {}\n", path, note);
  if (loaded.storage != wanted) {
    fmt::print(
        stderr,
        "{}: --repack: no matrix of a type and shape that is interleaved (F32, F16, BF16 but "
        "not on avx512_bf16, Q4_0, Q8_0, Q4_K, Q5_K, Q6_K; whole panels of rows); copied "
        "as with --no-mmap\n",
        path);
  }
  return loaded;
}

void ModelFlags::add_to(CLI::App& command) {
  command.add_option("-m,--model", model, "GGUF file, SafeTensors file or directory")->required();
  command.add_option("-c,--ctx-size", engine.context, "context in tokens (0 = the model's own)")
      ->capture_default_str();
  command
      .add_option("-t,--threads", engine.threads, "threads (0 = as many as this process may use)")
      ->capture_default_str();
  command.add_option("-b,--batch-size", engine.batch, "most prompt tokens in one forward pass")
      ->capture_default_str();
  command.add_option("--cache-type-k", cache_type_k, "type of cached keys: f32, f16, bf16 or q8_0")
      ->capture_default_str();
  command.add_option("--cache-type-v", cache_type_v, "type of cached values, the same")
      ->capture_default_str();
  storage.add_to(command);
  command.add_flag("--exact", engine.exact,
                   "activations stay float: slow, for comparisons of quantised models");
  command.add_option("--chat-template-file", chat_template_file,
                     "Jinja template that replaces the model's own");
}

Result<std::unique_ptr<Engine>> ModelFlags::load() const {
  EngineOptions options = engine;
  if (!chat_template_file.empty()) {
    WHET_TRY(options.chat_template, read_file(chat_template_file, kMaxTemplateBytes));
  }
  WHET_TRY(options.kv_type, cache_type(cache_type_k, cache_type_v));
  WHET_TRY(LoadedModel loaded, storage.load(model, engine.threads));
  return Engine::create(std::move(loaded), options);
}

void SamplingFlags::add_to(CLI::App& command) {
  auto* group = command.add_option_group("Sampling");
  group->add_option("--temp", params.temperature, "temperature (0 = greedy)")
      ->capture_default_str();
  group->add_option("--top-k", params.top_k, "keep the k likeliest tokens (0 = off)")
      ->capture_default_str();
  group->add_option("--top-p", params.top_p, "keep the smallest set of this mass (1 = off)")
      ->capture_default_str();
  group
      ->add_option("--min-p", params.min_p,
                   "drop tokens below this share of the likeliest (0 = off)")
      ->capture_default_str();
  group
      ->add_option("--repeat-penalty", params.repeat_penalty,
                   "divides logits of recent tokens (1 = off)")
      ->capture_default_str();
  group
      ->add_option("--repeat-last-n", params.repeat_last_n,
                   "window of the penalties (0 = off, -1 = context)")
      ->capture_default_str();
  group->add_option("--presence-penalty", params.presence_penalty, "subtracted from seen tokens")
      ->capture_default_str();
  group->add_option("--frequency-penalty", params.frequency_penalty, "subtracted per occurrence")
      ->capture_default_str();
  group->add_option("-l,--logit-bias", logit_bias,
                    "TOKEN_ID+BIAS or TOKEN_ID-BIAS; may be repeated");
  group->add_option("-s,--seed", seed, "seed (-1 = drawn, and reported)")->capture_default_str();
  group->add_option("-r,--reverse-prompt,--stop", stop, "stop before this text; may be repeated");
}

Result<SamplingParams> SamplingFlags::resolve() const {
  SamplingParams resolved = params;
  for (const std::string& text : logit_bias) {
    WHET_TRY(auto bias, parse_bias(text));
    resolved.logit_bias.push_back(bias);
  }
  if (seed < -1) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--seed: expected -1 or more, found {}", seed));
  }
  // 32 bits, so that the reported seed survives every JSON reader.
  resolved.seed = seed == -1 ? std::random_device{}() : static_cast<uint64_t>(seed);
  return resolved;
}

}  // namespace whet
