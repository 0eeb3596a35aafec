// Tensors that the index of a SafeTensors model lists and no shard holds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/model_file.h"

namespace whet {

/// A sentence for each that a model which could be bound does without: a tied head, tables that
/// its configuration determines. Errors: any other, and a head that config.json calls untied.
Result<std::vector<std::string>> explain_missing_tensors(const ModelFile& file);

/// Tables that old exporters stored and the configuration determines: frequencies, and masks under
/// the names of biases.
bool is_old_table(std::string_view name);

/// config.json says (for its text part, where it has several) that the head is not the embedding.
/// Errors: a config.json that cannot be read.
Result<bool> says_untied(const ModelFile& file);

}  // namespace whet
