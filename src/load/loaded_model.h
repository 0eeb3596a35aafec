// Everything that one model file gives: weights bound to their mapping, tokenizer, chat template.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "formats/model_file.h"
#include "model/forward.h"
#include "token/tokenizer.h"

namespace whet {

struct LoadedModel {
  ModelFile file;
  Decoder model;
  std::shared_ptr<const Tokenizer> tokenizer;
  /// Source of the model's own template; empty where it has none.
  std::string chat_template_source;
  bool mapped;  // the weights are pages of the file, not a copy
  int64_t load_ns;
};

/// Opens, checks and binds a model; `map` false copies its weights to memory of this process, which
/// takes as long as reading the file and pays in decode, because the copy lies on huge pages.
/// Errors carry the path and what was wrong where.
Result<LoadedModel> load_model(const std::string& path, bool map = true);

}  // namespace whet
