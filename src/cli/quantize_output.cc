#include "cli/quantize_output.h"

#include <fmt/format.h>

#include "cli/terminal.h"
#include "token/gguf_tokenizer.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

}  // namespace

std::string input_behind(const std::filesystem::path& output, const ModelFile& model) {
  for (const std::string& path : model.file_paths) {
    if (same_file(path, output)) return path;
  }
  if (model.container != ModelFile::Container::kSafeTensors) return "";
  std::error_code error;
  const fs::path directory = fs::is_directory(model.path, error)
                                 ? fs::path(model.path)
                                 : fs::path(model.path).parent_path();
  for (fs::directory_iterator entry(directory.empty() ? "." : directory, error), end;
       !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".gguf" && !entry->is_symlink(error)) continue;
    if (same_file(entry->path(), output) && fs::exists(output, error)) return entry->path();
  }
  return "";
}

void note_whet_keys(const std::string& path) {
  const auto written = open_model_file(path);
  if (!written.ok()) return;  // whoever opens it next will hear why
  for (auto it = written->metadata.lower_bound(kWhetTokenizerPrefix);
       it != written->metadata.end() && it->first.starts_with(kWhetTokenizerPrefix); ++it) {
    print_message(fmt::format(
        "{}: note: {} holds what GGUF has no key for; whet reads it, other programs ignore "
        "it\n",
        path, it->first));
  }
}

}  // namespace whet
