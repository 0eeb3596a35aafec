// Opening: decides by content which reader a path belongs to, and refuses the rest by name.
#include <fmt/format.h>

#include <cstring>
#include <filesystem>

#include "formats/gguf_part.h"
#include "formats/gguf_reader.h"
#include "formats/model_file.h"
#include "formats/pickle_refusal.h"
#include "formats/safetensors_header.h"
#include "formats/safetensors_reader.h"
#include "formats/stray_download.h"
#include "formats/untrusted_text.h"
#include "sys/file_bytes.h"

namespace whet {
namespace {

constexpr size_t kQuotedBytes = 16, kSniffedBytes = 512;

std::string_view first_bytes(const FileBytes& file, size_t n) {
  auto head = file.bytes().first(std::min(n, file.bytes().size()));
  return {reinterpret_cast<const char*>(head.data()), head.size()};
}

bool is_old_ggml(std::string_view head) {
  // Magics of the formats before GGUF, as they lie in the file.
  for (std::string_view magic : {"lmgg", "fmgg", "tjgg", "algg"}) {
    if (head.starts_with(magic)) return true;
  }
  return false;
}

}  // namespace

Result<ModelFile> open_model_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return read_safetensors_directory(path);

  WHET_TRY(auto file, FileBytes::map(path));
  const std::string_view head = first_bytes(*file, kQuotedBytes);
  if (head.starts_with(kGgufMagic)) return read_gguf(path, std::move(file));
  if (looks_like_safetensors(file->bytes())) {
    return read_safetensors_file(path, std::move(file));
  }
  if (looks_like_pickle(head)) return pickle_refusal(path);
  if (is_old_ggml(head)) {
    return Error(ErrorCode::kInvalidModel,
                 fmt::format("{}: a GGML file from before GGUF; convert the model again", path));
  }
  if (auto stray = stray_download(path, first_bytes(*file, kSniffedBytes))) return *stray;
  return Error(ErrorCode::kInvalidModel,
               fmt::format("{}: neither GGUF nor SafeTensors; the file begins with {}", path,
                           quote_untrusted(head)));
}

Result<std::vector<std::shared_ptr<FileBytes>>> copy_to_memory(ModelFile& model) {
  std::vector<std::shared_ptr<FileBytes>> copies;
  for (size_t i = 0; i < model.files.size(); ++i) {
    WHET_TRY(auto copy, FileBytes::copy(model.file_paths[i]));
    if (copy->bytes().size() != model.files[i]->bytes().size()) {
      return Error(ErrorCode::kIo,
                   fmt::format("{}: the file changed while it was read", model.file_paths[i]));
    }
    copies.push_back(copy);
    model.files[i] = std::move(copy);
  }
  for (TensorEntry& t : model.tensors) {
    t.bytes = model.files[t.file_index]->bytes().subspan(t.file_offset, t.bytes.size());
  }
  return copies;
}

}  // namespace whet
