// What a gzip file holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace whet {

/// All members of a gzip stream, one after the other. Errors (kInvalidArgument): damaged or cut, or
/// more than `max_bytes` come out of it.
Result<std::string> gunzip(std::string_view bytes, uint64_t max_bytes);

}  // namespace whet
