#include "token/tokenizer_factory.h"

#include "token/gguf_tokenizer.h"

namespace whet {

Result<std::shared_ptr<const Tokenizer>> make_tokenizer(const ModelFile& file) {
  if (file.container == ModelFile::Container::kGguf) return make_gguf_tokenizer(file);
  return Error(ErrorCode::kInvalidModel, "not yet");
}

}  // namespace whet
