// A model's metadata as GGUF keys, whatever container it came from.
#pragma once

#include "base/result.h"
#include "load/config_reader.h"
#include "load/loaded_model.h"

namespace whet {

/// GGUF: the file's own keys without those that say how it was quantised or split. Hugging Face:
/// architecture and tokenizer in GGUF's terms. The tokenizer is then read back and must give the
/// same ids as the original on a set of probing texts. Errors: kInvalidModel where GGUF has no
/// name for the tokenizer's way of splitting text.
Result<Metadata> describe_as_gguf(const LoadedModel& model);

}  // namespace whet
