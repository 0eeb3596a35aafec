#include "serve/model_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

namespace whet::serve {
namespace {

namespace fs = std::filesystem;

// "-00001-of-00002"
constexpr size_t kPartLength = 15;

/// The stem without its part, and which part it is; none of a file that is whole.
std::optional<std::pair<std::string, int>> split_stem(const std::string& stem) {
  if (stem.size() <= kPartLength) return std::nullopt;
  const std::string part = stem.substr(stem.size() - kPartLength);
  const auto digits = [&](size_t at) {
    return std::ranges::all_of(part.substr(at, 5), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (part[0] != '-' || part.substr(6, 4) != "-of-" || !digits(1) || !digits(10)) {
    return std::nullopt;
  }
  return std::pair{stem.substr(0, stem.size() - kPartLength), std::stoi(part.substr(1, 5))};
}

bool is_gguf(const fs::path& path) {
  return path.extension() == ".gguf";
}

}  // namespace

std::string model_name(const std::string& path) {
  fs::path p(path);
  if (p.filename().empty()) p = p.parent_path();
  if (!is_gguf(p) && p.extension() != ".safetensors") return p.filename().string();
  const auto split = split_stem(p.stem().string());
  return split ? split->first : p.stem().string();
}

std::vector<std::string> model_files(const std::string& path) {
  std::error_code error;
  const fs::path p(path);
  const auto split = is_gguf(p) ? split_stem(p.stem().string()) : std::nullopt;
  if (!fs::is_directory(p, error) && !split) {
    if (!fs::is_regular_file(p, error)) return {};
    return {path};
  }
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(split ? p.parent_path() : p, error)) {
    if (!entry.is_regular_file(error)) continue;
    if (split) {
      const auto other = split_stem(entry.path().stem().string());
      if (!is_gguf(entry.path()) || !other || other->first != split->first) continue;
    }
    files.push_back(entry.path().string());
  }
  std::ranges::sort(files);
  return files;
}

uint64_t bytes_on_disk(const std::string& path) {
  uint64_t total = 0;
  for (const std::string& file : model_files(path)) {
    std::error_code error;
    const uintmax_t size = fs::file_size(file, error);
    if (!error) total += size;
  }
  return total;
}

Result<std::vector<ModelSource>> models_in(const std::string& directory) {
  std::error_code error;
  std::vector<ModelSource> sources;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    std::error_code ignored;
    const fs::path& path = entry.path();
    const auto split = split_stem(path.stem().string());
    const bool is_model = entry.is_directory(ignored)
                              ? fs::exists(path / "config.json", ignored)
                              : is_gguf(path) && (!split || split->second == 1);
    if (is_model) sources.push_back({model_name(path.string()), path.string()});
  }
  if (error) {
    return Error(ErrorCode::kIo, fmt::format("{}: expected a directory with models: {}", directory,
                                             error.message()));
  }
  if (sources.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected .gguf files or directories with a config.json, found "
                             "none",
                             directory));
  }
  std::ranges::sort(sources, {}, &ModelSource::id);
  return sources;
}

}  // namespace whet::serve
