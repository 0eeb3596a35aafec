// Everything that one model file gives: bound weights, tokenizer, chat template.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"
#include "model/forward.h"
#include "token/tokenizer.h"

namespace whet {

enum class WeightStorage {
  kMapped,       // pages of the file, shared with other processes
  kCopied,       // memory of this process on huge pages
  kInterleaved,  // such a copy with the rows of matrices interleaved for the kernels
};
/// "mapped", "copied", "interleaved".
const char* weight_storage_name(WeightStorage storage);

struct LoadedModel {
  ModelFile file;
  /// The files as they lie on disk, also where `file` holds changed copies of them.
  std::vector<std::shared_ptr<const FileBytes>> files_on_disk;
  Decoder model;
  std::shared_ptr<const Tokenizer> tokenizer;
  /// Source of the model's own template; empty where it has none.
  std::string chat_template_source;
  WeightStorage storage;
  int64_t load_ns;
  /// Sentences for the user: what was read otherwise than the files say, or left out.
  std::vector<std::string> notes;
};

/// Opens, checks and binds a model. A copy takes as long as reading the file and pays in decode;
/// where it is interleaved `file` no longer holds the bytes of the file. A model without a matrix
/// that can be interleaved is kCopied instead. At most `threads` interleave; 0: as many as this
/// process may use.
/// Errors carry the path and what was wrong where.
Result<LoadedModel> load_model(const std::string& path,
                               WeightStorage storage = WeightStorage::kMapped, int threads = 0);

}  // namespace whet
