// Opens GGUF files from disk, a split model as one. Maps every part; reads no tensor data.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "formats/model_file.h"
#include "sys/file_bytes.h"

namespace whet {

/// `first` is the mapping of `path`. A path that ends in -0000N-of-0000M.gguf, or a file that says
/// split.count > 1, brings its sister parts along; the metadata is that of part 1.
/// Errors: those of parse_gguf; a missing or foreign part; a tensor that two parts hold.
Result<ModelFile> read_gguf(const std::string& path, std::shared_ptr<const FileBytes> first);

}  // namespace whet
