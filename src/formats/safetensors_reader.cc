#include "formats/safetensors_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "base/invalid_model.h"
#include "formats/pickle_refusal.h"
#include "formats/python_json.h"
#include "formats/safetensors_header.h"
#include "formats/shard_index.h"
#include "formats/stray_download.h"
#include "formats/untrusted_text.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSingleName = "model.safetensors";
constexpr std::string_view kIndexName = "model.safetensors.index.json";
constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kIndexLimitBytes = 64 * kMiB;

constexpr size_t kShownBytes = 512;

struct SideFile {
  std::string_view name;
  uint64_t limit_bytes;
};

// Limits are some ten times what the largest published models have.
constexpr SideFile kSideFiles[] = {
    {"config.json", 4 * kMiB},
    {"tokenizer.json", 256 * kMiB},
    {"tokenizer_config.json", 64 * kMiB},
    {"generation_config.json", 1 * kMiB},
    {"special_tokens_map.json", 4 * kMiB},
    {"added_tokens.json", 16 * kMiB},
    {"tokenizer.model", 64 * kMiB},
    {"chat_template.jinja", 4 * kMiB},
    {"chat_template.json", 4 * kMiB},
    {"1_Pooling/config.json", 1 * kMiB},
};

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Status read_side_files(const fs::path& directory, ModelFile& model) {
  for (const SideFile& side : kSideFiles) {
    fs::path path = directory / side.name;
    if (!is_there(path)) continue;
    WHET_TRY(std::string content, read_file(path.string(), side.limit_bytes));
    if (auto stray = stray_download(path.string(), content)) return *stray;
    if (side.name == "config.json") content = spell_out_constants(content);
    model.side_files.emplace(side.name, std::move(content));
  }
  return ok_status();
}

Status add_shard(const std::string& path, std::shared_ptr<const FileBytes> file, ModelFile& model) {
  const std::string_view head(reinterpret_cast<const char*>(file->bytes().data()),
                              std::min(file->bytes().size(), kShownBytes));
  if (auto stray = stray_download(path, head)) return *stray;
  WHET_TRY(SafeTensorsHeader header, parse_safetensors_header(file->bytes()).with_context(path));
  for (SafeTensorsEntry& entry : header.tensors) {
    model.tensors.push_back({.name = std::move(entry.name),
                             .type = entry.type,
                             .shape = std::move(entry.shape),
                             .bytes = file->bytes().subspan(entry.file_offset, entry.n_bytes),
                             .file_index = model.files.size(),
                             .file_offset = entry.file_offset});
  }
  for (auto& [key, text] : header.metadata) model.metadata.emplace(key, MetaValue{std::move(text)});
  model.files.push_back(std::move(file));
  model.file_paths.push_back(path);
  return ok_status();
}

// Every tensor lies where the index says, once. What it lists and no shard holds is noted.
Status check_index(const ShardIndex& index, ModelFile& model) {
  std::set<std::string_view> names;
  for (const TensorEntry& tensor : model.tensors) {
    std::string shard = fs::path(model.file_paths[tensor.file_index]).filename().string();
    auto listed = index.find(tensor.name);
    if (listed == index.end()) {
      return invalid_model("{}: tensor {} is not in {}", shard, quote_untrusted(tensor.name),
                           kIndexName);
    }
    if (!names.insert(tensor.name).second) {
      return invalid_model("{}: tensor {} is also in another shard", shard,
                           quote_untrusted(tensor.name));
    }
    if (listed->second != shard) {
      return invalid_model("{}: tensor {} belongs to {} according to {}", shard,
                           quote_untrusted(tensor.name), quote_untrusted(listed->second),
                           kIndexName);
    }
  }
  for (const auto& [tensor, shard] : index) {
    if (!names.contains(tensor)) model.missing_tensors.push_back(tensor);
  }
  return ok_status();
}

Status add_indexed_shards(const fs::path& directory, ModelFile& model) {
  std::string index_path = (directory / kIndexName).string();
  WHET_TRY(std::string text, read_file(index_path, kIndexLimitBytes));
  WHET_TRY(ShardIndex index, parse_shard_index(text).with_context(index_path));
  std::set<std::string_view> shards;
  for (const auto& [tensor, shard] : index) shards.insert(shard);
  for (std::string_view shard : shards) {
    std::string path = (directory / shard).string();
    auto file = FileBytes::map(path);
    if (!file.ok()) {
      return file.error().with_context(fmt::format("a shard that {} lists", kIndexName));
    }
    WHET_TRY_STATUS(add_shard(path, *file, model));
  }
  return check_index(index, model);
}

// Why a directory has no SafeTensors model, as helpfully as its entries allow.
Error nothing_found(const fs::path& directory) {
  std::string pickle, gguf, other;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (name == "training_args.bin") continue;  // never weights
    auto keep_first = [&](std::string& kept) {
      if (kept.empty() || name < kept) kept = name;
    };
    if (has_pickle_extension(name)) keep_first(pickle);
    if (name.ends_with(".gguf")) keep_first(gguf);
    if (name.ends_with(".safetensors")) keep_first(other);
  }
  if (error) {
    return Error(ErrorCode::kIo,
                 fmt::format("cannot list {}: {}", directory.string(), error.message()));
  }
  std::string expected =
      fmt::format("{}: expected {} or {}", directory.string(), kSingleName, kIndexName);
  if (!other.empty() || !gguf.empty()) {
    return invalid_model("{}; to use {}, give the path of that file", expected,
                         quote_untrusted(other.empty() ? gguf : other));
  }
  if (!pickle.empty()) return pickle_refusal((directory / pickle).string());
  return Error(ErrorCode::kNotFound, expected + ", found no weights");
}

ModelFile empty_model(const std::string& path) {
  ModelFile model{};
  model.container = ModelFile::Container::kSafeTensors;
  model.path = path;
  return model;
}

// "model-00001-of-00003.safetensors"
bool is_shard_name(const std::string& name) {
  constexpr std::string_view kShape = "-NNNNN-of-NNNNN.safetensors";
  if (name.size() < kShape.size()) return false;
  std::string_view tail = std::string_view(name).substr(name.size() - kShape.size());
  return std::equal(tail.begin(), tail.end(), kShape.begin(), [](char c, char shape) {
    return shape == 'N' ? c >= '0' && c <= '9' : c == shape;
  });
}

}  // namespace

Result<ModelFile> read_safetensors_file(const std::string& path,
                                        std::shared_ptr<const FileBytes> file) {
  fs::path directory = fs::path(path).parent_path();
  if (is_shard_name(path) && is_there(directory / kIndexName)) {
    return invalid_model(
        "{}: one shard of a model in several files; give the path of its directory", path);
  }
  ModelFile model = empty_model(path);
  WHET_TRY_STATUS(add_shard(path, std::move(file), model));
  WHET_TRY_STATUS(read_side_files(directory, model));
  return model;
}

Result<ModelFile> read_safetensors_directory(const std::string& path) {
  fs::path directory(path);
  ModelFile model = empty_model(path);
  if (is_there(directory / kSingleName)) {
    std::string file_path = (directory / kSingleName).string();
    WHET_TRY(auto file, FileBytes::map(file_path));
    WHET_TRY_STATUS(add_shard(file_path, std::move(file), model));
  } else if (is_there(directory / kIndexName)) {
    WHET_TRY_STATUS(add_indexed_shards(directory, model));
  } else {
    return nothing_found(directory);
  }
  WHET_TRY_STATUS(read_side_files(directory, model));
  return model;
}

}  // namespace whet
