// model.safetensors.index.json: which shard holds which tensor.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace whet {

/// Tensor name → shard file name, a plain name within the index's directory.
using ShardIndex = std::map<std::string, std::string, std::less<>>;

/// Errors: malformed JSON, no "weight_map", a shard name that is not a plain *.safetensors name.
Result<ShardIndex> parse_shard_index(std::string_view json_text);

}  // namespace whet
