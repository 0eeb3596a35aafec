// What keys and values depend on besides tokens and the cache's form.
#pragma once

#include <string>

#include "base/result.h"
#include "load/loaded_model.h"

namespace whet {

/// A hash over the model's files and the arithmetic (`exact`: see EngineOptions). Errors: kIo.
Result<std::string> kv_fingerprint(const LoadedModel& loaded, bool exact);

}  // namespace whet
