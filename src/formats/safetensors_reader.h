// Opens SafeTensors models from disk: one file, or a directory as Hugging Face lays it out. Maps
// every shard; reads no tensor data. Pickle weights are refused.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "formats/model_file.h"
#include "sys/file_bytes.h"

namespace whet {

/// One .safetensors file that holds a whole model, with the side files beside it.
/// Errors: those of parse_safetensors_header; a file that is one shard of several.
Result<ModelFile> read_safetensors_file(const std::string& path,
                                        std::shared_ptr<const FileBytes> file);

/// A directory with model.safetensors, or with model.safetensors.index.json and its shards.
/// Errors: neither is there; a missing shard; an index that disagrees with the shards' headers.
Result<ModelFile> read_safetensors_directory(const std::string& path);

}  // namespace whet
