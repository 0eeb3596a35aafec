#include "cli/built_in_tasks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace whet {
namespace {

namespace fs = std::filesystem;

/// tasks/ of the source tree (the program lies in build/PRESET/) or share/whet/tasks of the prefix.
fs::path built_in_directory() {
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const char* place : {"../../tasks", "../share/whet/tasks"}) {
    fs::path directory = (program / place).lexically_normal();
    if (fs::is_directory(directory, error)) return directory;
  }
  return {};
}

std::vector<std::string> jsonl_files(const fs::path& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Result<std::vector<std::string>> task_files_of(const std::string& name) {
  std::error_code error;
  if (fs::is_directory(name, error)) {
    std::vector<std::string> files = jsonl_files(name);
    if (!files.empty()) return files;
    return Error(
        ErrorCode::kNotFound,
        fmt::format("--tasks {}: expected .jsonl files in the directory, found none", name));
  }
  if (fs::exists(name, error)) return std::vector<std::string>{name};
  fs::path directory = built_in_directory();
  if (!directory.empty() && name.find('/') == std::string::npos) {
    if (name == "built-in") return jsonl_files(directory);
    fs::path file = directory / (name + ".jsonl");
    if (fs::exists(file, error)) return std::vector<std::string>{file.string()};
    std::vector<std::string> names{"built-in"};
    for (const std::string& known : jsonl_files(directory))
      names.push_back(fs::path(known).stem().string());
    return Error(ErrorCode::kNotFound,
                 fmt::format("--tasks {}: neither a file, nor a directory, nor one of the families "
                             "that come with whet ({})",
                             name, fmt::join(names, ", ")));
  }
  return Error(ErrorCode::kNotFound, fmt::format("--tasks {}: no such file or directory", name));
}

Result<eval::TaskSet> open_task_set(const std::string& name) {
  WHET_TRY(std::vector<std::string> files, task_files_of(name));
  eval::TaskSet all{name, {}};
  for (const std::string& file : files) {
    WHET_TRY(eval::TaskSet set, eval::load_task_file(file));
    all.tasks.insert(all.tasks.end(), set.tasks.begin(), set.tasks.end());
  }
  return all;
}

}  // namespace whet
