#include "engine/kv_fingerprint.h"

#include <span>

#include "kernels/kernels.h"
#include "sys/file_bytes.h"
#include "sys/sha256.h"

namespace whet {

Result<std::string> kv_fingerprint(const LoadedModel& loaded, bool exact) {
  std::string text = exact ? "exact" : std::string(kernels::isa_name(kernels::kernels().isa));
  for (const auto& file : loaded.files_on_disk) {
    WHET_TRY(const std::string hash, sha256_hex(file->bytes()));
    text += "\n" + hash;
  }
  // Of a directory: config.json and the like.
  for (const auto& [name, content] : loaded.file.side_files) text += "\n" + name + "\n" + content;
  return sha256_hex(std::as_bytes(std::span(text)));
}

}  // namespace whet
