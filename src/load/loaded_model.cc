#include "load/loaded_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/clock.h"
#include "load/model_config_reader.h"
#include "load/weight_binder.h"
#include "load/weight_interleaver.h"
#include "par/thread_pool.h"
#include "sys/file_bytes.h"
#include "sys/machine.h"
#include "token/tokenizer_factory.h"

namespace whet {
namespace {

// Hugging Face keeps the template in chat_template.jinja or in tokenizer_config.json, there as a
// string or as a list of named templates of which "default" is the plain one.
Result<std::string> hugging_face_template(const ModelFile& file) {
  if (auto it = file.side_files.find("chat_template.jinja"); it != file.side_files.end())
    return it->second;
  auto it = file.side_files.find("tokenizer_config.json");
  if (it == file.side_files.end()) return std::string();
  auto json = nlohmann::json::parse(it->second, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Error(ErrorCode::kInvalidModel, "tokenizer_config.json: expected a JSON object");
  }
  auto found = json.find("chat_template");
  if (found == json.end() || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  if (found->is_array()) {
    for (const auto& entry : *found) {
      if (entry.is_object() && entry.value("name", "") == "default" && entry.contains("template") &&
          entry["template"].is_string()) {
        return entry["template"].get<std::string>();
      }
    }
  }
  return Error(ErrorCode::kInvalidModel,
               "tokenizer_config.json: \"chat_template\": expected a string or a list with a "
               "\"default\" entry");
}

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
  std::string chat_template;
  if (file.container == ModelFile::Container::kGguf) {
    WHET_TRY(chat_template, file.get_string_or("tokenizer.chat_template", ""));
  } else {
    WHET_TRY(chat_template, hugging_face_template(file));
  }
  return LoadedModel{std::move(file),
                     files_on_disk,
                     Decoder{std::move(config), std::move(weights)},
                     std::move(*tokenizer),
                     std::move(chat_template),
                     storage,
                     monotonic_ns() - start};
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
