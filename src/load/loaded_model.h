// Everything that one model file gives: bound weights, tokenizer, chat template.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "load/storage_choice.h"
#include "model/forward.h"
#include "token/tokenizer.h"

namespace whet {

struct LoadRequest {
  /// None: chosen for speed by choose_storage(), at least a copy if `copy`.
  std::optional<WeightStorage> storage = WeightStorage::kMapped;
  bool copy = false;
  /// Tokens of one step of decoding (of several sequences, or to be verified), which decides what
  /// is fast.
  int rows_per_step = 1;
  /// Most threads that interleave; 0: as many as this process may use.
  int threads = 0;
};

struct LoadedModel {
  ModelFile file;
  /// The files as they lie on disk, also where `file` holds changed copies of them.
  std::vector<std::shared_ptr<const FileBytes>> files_on_disk;
  /// Its `sparsity` is what the file says of sparse rows; no row is, unless a step says so.
  Decoder model;
  std::shared_ptr<const Tokenizer> tokenizer;
  /// Source of the model's own template; empty where it has none.
  std::string chat_template_source;
  WeightStorage storage;
  /// Why, in a sentence, where it was chosen and not asked for.
  std::string storage_choice;
  int64_t load_ns;
  /// Sentences for the user: what was read otherwise than the files say, or left out.
  std::vector<std::string> notes;
};

/// Opens, checks and binds a model. A copy takes as long as reading the file and pays in decode;
/// where it is interleaved `file` no longer holds the bytes of the file. A model without a matrix
/// that can be interleaved is kCopied instead.
/// Errors carry the path and what was wrong where.
Result<LoadedModel> load_model(const std::string& path, const LoadRequest& options = {});

/// "loading PATH: ...", where the message does not begin with the path by itself.
Error loading_error(const std::string& path, const Error& error);

}  // namespace whet
