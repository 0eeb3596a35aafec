// How a model wants the states of a text to be pooled.
#pragma once

#include "base/result.h"
#include "generator/embedding.h"
#include "load/loaded_model.h"

namespace whet {

/// What the model's metadata says: GGUF's ARCHITECTURE.pooling_type, sentence-transformers'
/// 1_Pooling/config.json. A model that says nothing was not trained for embeddings; of a causal one
/// the last token alone has read the whole text. Errors: a pooling that this program does not have.
Result<Pooling> model_pooling(const LoadedModel& loaded);

}  // namespace whet
