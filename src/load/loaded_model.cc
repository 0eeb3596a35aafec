#include "load/loaded_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/clock.h"
#include "kernels/interleave.h"
#include "load/chat_template_source.h"
#include "load/missing_tensors.h"
#include "load/model_config_reader.h"
#include "load/quantised_weights.h"
#include "load/sparsity_reader.h"
#include "load/weight_binder.h"
#include "load/weight_interleaver.h"
#include "par/thread_pool.h"
#include "sys/file_bytes.h"
#include "sys/machine.h"
#include "token/tokenizer_factory.h"

namespace whet {
namespace {

/// Types of matrices that are dequantised row by row and multiplied as floats.
void note_slow_types(const ModelFile& file, std::vector<std::string>& notes) {
  std::map<std::string_view, int> slow;
  for (const TensorEntry& tensor : file.tensors) {
    if (kernels::has_linear(tensor.type) || !kernels::weight_type_supported(tensor.type)) continue;
    ++slow[dtype_info(tensor.type).name];
  }
  for (const auto& [name, n] : slow) {
    notes.push_back(
        fmt::format("slow path: {} tensors of {}, which has no kernel of its own", n, name));
  }
}

/// Memory beside the file's own bytes.
void note_made(const Weights& weights, std::vector<std::string>& notes) {
  uint64_t bytes = 0;
  for (const auto& made : weights.made) bytes += made->bytes().size();
  if (bytes == 0) return;
  notes.push_back(
      fmt::format("{:.1f} MiB of weights lie in the file in another form, and in memory as rows",
                  static_cast<double>(bytes) / (1 << 20)));
}

Result<LoadedModel> load(const std::string& path, const LoadRequest& options) {
  int64_t start = monotonic_ns();
  WHET_TRY(ModelFile file, open_model_file(path));
  const kernels::Isa isa = kernels::kernels().isa;
  StorageChoice choice{options.storage.value_or(WeightStorage::kMapped), ""};
  if (!options.storage) {
    choice =
        choose_storage(file, isa, options.rows_per_step, available_memory_bytes(), options.copy);
  }
  WeightStorage storage = choice.storage;
  const auto files_on_disk = file.files;
  std::vector<std::shared_ptr<FileBytes>> copies;
  if (storage != WeightStorage::kMapped) {
    WHET_TRY(copies, copy_to_memory(file).with_context("copying the weights"));
  }
  const int usable = cpu_limits().usable_threads();
  ThreadPool pool(options.threads > 0 ? std::min(options.threads, usable) : usable);
  std::vector<std::string> notes;
  WHET_TRY(const auto repacked, repack_quantised_weights(file, pool, notes));
  copies.insert(copies.end(), repacked.begin(), repacked.end());
  WHET_TRY(ModelConfig config, read_model_config(file));
  WHET_TRY(Weights weights, bind_weights(file, config));
  copies.insert(copies.end(), weights.made.begin(), weights.made.end());
  note_made(weights, notes);
  if (storage == WeightStorage::kInterleaved) {
    const auto wanted = [&](DType type) {
      return options.storage || kernels::interleaving_pays(isa, type, options.rows_per_step);
    };
    if (interleave_weights(weights, copies, pool, wanted) == 0) storage = WeightStorage::kCopied;
  }
  for (const auto& copy : copies) copy->seal();
  WHET_TRY(auto sparsity, read_sparsity_plan(file, config));
  auto tokenizer = make_tokenizer(file);
  if (!tokenizer.ok()) return tokenizer.error().with_context("tokenizer");
  if ((*tokenizer)->vocab_size() > config.vocab_size) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("tokenizer: {} tokens, but the embedding has only {} rows",
                             (*tokenizer)->vocab_size(), config.vocab_size));
  }
  WHET_TRY(std::string chat_template, chat_template_source(file));
  WHET_TRY(const std::vector<std::string> missing, explain_missing_tensors(file));
  note_slow_types(file, notes);
  notes.insert(notes.end(), missing.begin(), missing.end());
  notes.insert(notes.end(), (*tokenizer)->notes().begin(), (*tokenizer)->notes().end());
  return LoadedModel{std::move(file),
                     files_on_disk,
                     Decoder{std::move(config), std::move(weights), std::move(sparsity)},
                     std::move(*tokenizer),
                     std::move(chat_template),
                     storage,
                     std::move(choice.reason),
                     monotonic_ns() - start,
                     std::move(notes)};
}

}  // namespace

Result<LoadedModel> load_model(const std::string& path, const LoadRequest& options) {
  auto loaded = load(path, options);
  if (!loaded.ok()) return loading_error(path, loaded.error());
  return loaded;
}

Error loading_error(const std::string& path, const Error& error) {
  if (!error.message().starts_with(path)) return error.with_context("loading " + path);
  return Error(error.code(), "loading " + error.message());
}

}  // namespace whet
