// One added token as Hugging Face's files write it: {"content": "<s>", "special": true, ...}.
#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "token/pipeline_tokenizer.h"

namespace whet {

/// Without its id, which stands elsewhere: kNoToken. Errors name the field of a wrong type.
Result<PipelineAddedToken> read_added_token(const nlohmann::json& node);

}  // namespace whet
