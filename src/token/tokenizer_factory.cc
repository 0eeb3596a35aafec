#include "token/tokenizer_factory.h"

#include "token/gguf_tokenizer.h"
#include "token/sentencepiece_model.h"
#include "token/tokenizer_config.h"
#include "token/tokenizer_json.h"

namespace whet {

Result<std::shared_ptr<const Tokenizer>> make_tokenizer(const ModelFile& file) {
  if (file.container == ModelFile::Container::kGguf) return make_gguf_tokenizer(file);
  WHET_TRY(const TokenizerConfig config, read_tokenizer_config(file.side_files));
  if (auto text = file.side_files.find("tokenizer.json"); text != file.side_files.end()) {
    return make_json_tokenizer(text->second, config).with_context("tokenizer.json");
  }
  if (auto model = file.side_files.find("tokenizer.model"); model != file.side_files.end()) {
    return make_sentencepiece_tokenizer(model->second, config).with_context("tokenizer.model");
  }
  return Error(ErrorCode::kInvalidModel, "there is neither a tokenizer.json nor a tokenizer.model");
}

}  // namespace whet
