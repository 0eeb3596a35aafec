#include "cli/built_in_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cli/embedded_files.h"
#include "cli/nearest_name.h"
#include "sys/file_bytes.h"
#include "sys/sha256.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAll = "built-in";

std::string family_of(const EmbeddedFile& file) {
  return fs::path(file.name).stem().string();
}

Result<TaskFileContent> open_embedded(const EmbeddedFile& file) {
  TaskFileContent opened{fmt::format("{}/{}", kAll, file.name), {}, {}};
  WHET_TRY(opened.set, eval::parse_tasks(file.content, opened.path));
  WHET_TRY(opened.sha256, sha256_hex(std::as_bytes(std::span(file.content))));
  opened.set.name = family_of(file);
  return opened;
}

Result<TaskFileContent> open_path(const fs::path& path) {
  TaskFileContent opened{path.string(), {}, {}};
  WHET_TRY(opened.set, eval::load_task_file(opened.path));
  WHET_TRY(auto mapped, FileBytes::map(opened.path));
  WHET_TRY(opened.sha256, sha256_hex(mapped->bytes()));
  return opened;
}

std::vector<fs::path> task_files_in(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Result<std::vector<TaskFileContent>> open_tasks(const std::string& name) {
  std::vector<TaskFileContent> opened;
  const auto add = [&](Result<TaskFileContent> file) -> Status {
    if (!file.ok()) return file.error();
    opened.push_back(std::move(file).value());
    return ok_status();
  };
  std::error_code error;
  if (fs::is_directory(name, error)) {
    for (const fs::path& path : task_files_in(name)) WHET_TRY_STATUS(add(open_path(path)));
    if (!opened.empty()) return opened;
    return Error(
        ErrorCode::kNotFound,
        fmt::format("--tasks {}: expected .jsonl files in the directory, found none", name));
  }
  if (fs::exists(name, error)) {
    WHET_TRY_STATUS(add(open_path(name)));
    return opened;
  }
  std::vector<std::string> families{kAll};
  for (const EmbeddedFile& file : embedded_tasks()) {
    families.push_back(family_of(file));
    if (name == kAll || name == families.back()) WHET_TRY_STATUS(add(open_embedded(file)));
  }
  if (!opened.empty()) return opened;
  const auto nearest = nearest_name(name, families);
  return Error(ErrorCode::kNotFound,
               fmt::format("--tasks {}: neither a file, nor a directory, nor one of the families "
                           "that come with whet ({}){}",
                           name, fmt::join(families, ", "),
                           nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
}

}  // namespace whet
