#include "cli/experiment_plan.h"

#include <filesystem>

#include "bench/read_bandwidth.h"
#include "cli/version.h"
#include "kernels/kernels.h"
#include "sys/file_bytes.h"
#include "sys/machine.h"
#include "sys/sha256.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

/// What another engine tells of its model.
experiment::ModelInfo describe_remote(const ExperimentFlags& flags, const ModelDescription& model) {
  experiment::ModelInfo info;
  info.path = flags.model.model;
  info.name = model.name;
  info.endpoint = model.endpoint;
  if (model.n_parameters > 0) info.n_parameters = model.n_parameters;
  if (model.n_bytes > 0) info.size_bytes = static_cast<int64_t>(model.n_bytes);
  if (model.context > 0) info.context_tokens = model.context;
  info.chat_template = model.has_chat_template ? "of the endpoint" : "none";
  return info;
}

Result<experiment::ModelInfo> describe_model(const ExperimentFlags& flags, const Engine& engine) {
  const LoadedModel& loaded = engine.loaded();
  experiment::ModelInfo info;
  info.path = flags.model.model;
  info.name = fs::path(flags.model.model).filename().string();
  WHET_TRY(info.name, loaded.file.get_string_or("general.name", info.name));
  info.architecture = loaded.model.config.architecture;
  int64_t bytes = 0;
  std::string hashes;
  for (const auto& file : loaded.files_on_disk) {
    bytes += static_cast<int64_t>(file->bytes().size());
    WHET_TRY(std::string hash, sha256_hex(file->bytes()));
    hashes += (hashes.empty() ? "" : " ") + hash;
  }
  info.n_parameters = engine.describe().n_parameters;
  info.size_bytes = bytes;
  info.sha256 = hashes;
  info.type = engine.describe().type;
  info.context_tokens = engine.context();
  info.cache_type = cache_type_name(engine.kv_shape().type);
  info.arithmetic = flags.model.engine.exact ? "exact" : "quantised";
  info.weights = weight_storage_name(loaded.storage);
  info.chat_template = !flags.model.chat_template_file.empty()
                           ? "from " + flags.model.chat_template_file
                       : engine.describe().has_chat_template ? "from the model"
                                                             : "none";
  return info;
}

}  // namespace

Result<experiment::Plan> make_plan(const ExperimentFlags& flags, const OpenedModel& opened) {
  const ModelDescription& model = opened.generator->describe();
  const int threads =
      opened.engine != nullptr ? opened.engine->threads() : cpu_limits().usable_threads();
  experiment::Plan plan;
  plan.command = process_arguments();
  WHET_TRY(plan.seeds, flags.parse_seeds());
  WHET_TRY_STATUS(flags.add_tasks(plan));
  WHET_TRY(plan.sampling, flags.sampling.resolve());
  plan.sampling.seed = SamplingParams{}.seed;  // each run has one of plan.seeds
  plan.max_tokens = flags.max_tokens;
  plan.raw_prompt = !model.has_chat_template;
  if (flags.time_limit_s > 0) plan.time_limit_s = flags.time_limit_s;
  plan.n_grading_threads = threads;
  plan.out_dir = flags.out_dir;
  plan.resume = flags.resume;
  plan.overwrite = flags.overwrite;
  plan.whet = {
      .version = version_string(),
      .commit = commit_hash(),
      .dirty = commit_is_dirty(),
      .compiler = compiler_string(),
      .flags = build_flags(),
      .build_type = build_type(),
      .isa = std::string(kernels::isa_name(kernels::kernels().isa)),
      .threads = opened.engine != nullptr ? std::optional<int64_t>(threads) : std::nullopt};
  if (opened.engine != nullptr) {
    WHET_TRY(plan.model, describe_model(flags, *opened.engine));
    ThreadPool pool(threads);
    plan.memory_bandwidth_bytes_s = measure_read_bandwidth(pool);
  } else {
    plan.model = describe_remote(flags, model);
  }
  return plan;
}

}  // namespace whet
