#include "formats/pickle_refusal.h"

#include <fmt/format.h>

#include <initializer_list>

namespace whet {

bool has_pickle_extension(std::string_view path) {
  for (std::string_view extension : {".bin", ".pt", ".pth", ".ckpt", ".pkl"}) {
    if (path.ends_with(extension)) return true;
  }
  return false;
}

bool looks_like_pickle(std::string_view head) {
  bool is_zip = head.starts_with(std::string_view("PK\x03\x04", 4));
  bool is_pickle = head.size() >= 2 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5;
  return is_zip || is_pickle;
}

Error pickle_refusal(std::string_view path) {
  return Error(
      ErrorCode::kInvalidModel,
      fmt::format(
          "{}: a pickle checkpoint can run code when it is loaded, so whet never loads one; "
          "get the model's SafeTensors version (model.safetensors) or a GGUF file",
          path));
}

}  // namespace whet
