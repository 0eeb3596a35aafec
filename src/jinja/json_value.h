// JSON documents as template values.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "jinja/value.h"

namespace whet::jinja {

/// Objects keep their order. Errors: kInvalidArgument for nesting over `max_depth`, an integer over
/// 64 bits, binary data.
Result<Value> from_json(const nlohmann::ordered_json& json, int max_depth);

}  // namespace whet::jinja
