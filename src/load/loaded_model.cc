#include "load/loaded_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/clock.h"
#include "load/chat_template_source.h"
#include "load/missing_tensors.h"
#include "load/model_config_reader.h"
#include "load/weight_binder.h"
#include "load/weight_interleaver.h"
#include "par/thread_pool.h"
#include "sys/file_bytes.h"
#include "sys/machine.h"
#include "token/tokenizer_factory.h"

namespace whet {
namespace {

Result<LoadedModel> load(const std::string& path, WeightStorage storage, int threads) {
  int64_t start = monotonic_ns();
  WHET_TRY(ModelFile file, open_model_file(path));
  const auto files_on_disk = file.files;
  std::vector<std::shared_ptr<FileBytes>> copies;
  if (storage != WeightStorage::kMapped) {
    WHET_TRY(copies, copy_to_memory(file).with_context("copying the weights"));
  }
  WHET_TRY(ModelConfig config, read_model_config(file));
  WHET_TRY(Weights weights, bind_weights(file, config));
  if (storage == WeightStorage::kInterleaved) {
    const int usable = cpu_limits().usable_threads();
    ThreadPool pool(threads > 0 ? std::min(threads, usable) : usable);
    if (interleave_weights(weights, copies, pool) == 0) storage = WeightStorage::kCopied;
  }
  for (const auto& copy : copies) copy->seal();
  auto tokenizer = make_tokenizer(file);
  if (!tokenizer.ok()) return tokenizer.error().with_context("tokenizer");
  if ((*tokenizer)->vocab_size() > config.vocab_size) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("tokenizer: {} tokens, but the embedding has only {} rows",
                             (*tokenizer)->vocab_size(), config.vocab_size));
  }
  WHET_TRY(std::string chat_template, chat_template_source(file));
  WHET_TRY(std::vector<std::string> notes, explain_missing_tensors(file));
  notes.insert(notes.end(), (*tokenizer)->notes().begin(), (*tokenizer)->notes().end());
  return LoadedModel{std::move(file),
                     files_on_disk,
                     Decoder{std::move(config), std::move(weights)},
                     std::move(*tokenizer),
                     std::move(chat_template),
                     storage,
                     monotonic_ns() - start,
                     std::move(notes)};
}

}  // namespace

const char* weight_storage_name(WeightStorage storage) {
  switch (storage) {
    case WeightStorage::kMapped:
      return "mapped";
    case WeightStorage::kCopied:
      return "copied";
    case WeightStorage::kInterleaved:
      return "interleaved";
  }
  WHET_UNREACHABLE();
}

Result<LoadedModel> load_model(const std::string& path, WeightStorage storage, int threads) {
  return load(path, storage, threads).with_context("loading " + path);
}

}  // namespace whet
