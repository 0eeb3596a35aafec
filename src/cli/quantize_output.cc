#include "cli/quantize_output.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/terminal.h"
#include "token/gguf_tokenizer.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

bool same_file(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

/// "" if none.
std::string input_behind(const fs::path& output, const ModelFile& model) {
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

}  // namespace

Status refuse_input_as_output(const std::string& output, const ModelFile& model) {
  const std::string input = input_behind(output, model);
  if (input.empty()) return ok_status();
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: expected another file than those of the input, found {}", output, input));
}

void WeightProgress::update(uint64_t n_done, uint64_t n_weights) {
  constexpr uint64_t kMillion = 1'000'000;
  if (!shown_) shown_.emplace(what_ + ", M weights", static_cast<int64_t>(n_weights / kMillion));
  shown_->update(static_cast<int64_t>(n_done / kMillion));
}

void WeightProgress::finish() {
  if (shown_) shown_->finish();
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
