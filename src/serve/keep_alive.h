// Ollama's "keep_alive": how long a model stays in memory unused.
#pragma once

#include <optional>

#include "serve/fields.h"
#include "serve/served_models.h"

namespace whet::serve {

/// "5m", "1h30m", "90s", or a number of seconds; negative = for ever; none if absent. What is wrong
/// stays in `fields`.
std::optional<ServedModels::Seconds> read_keep_alive(Fields& fields);

}  // namespace whet::serve
