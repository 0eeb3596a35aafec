// Which channels a model's sparse rows keep, as its file says: whet.sparsity.* of GGUF.
#pragma once

#include <memory>

#include "base/result.h"
#include "formats/model_file.h"
#include "load/config_reader.h"
#include "model/sparsity.h"

namespace whet {

/// Null where the file has no plan. Errors (kInvalidModel): a plan that does not fit the model, or
/// a model whose layers do not have these inputs.
Result<std::shared_ptr<const SparsityPlan>> read_sparsity_plan(const ModelFile& file,
                                                               const ModelConfig& config);

/// The plan as keys of GGUF, instead of any that stand there.
void describe_sparsity(const SparsityPlan& plan, Metadata& metadata);

}  // namespace whet
