// What is said of a number out of range.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace whet {

/// Positions that a context, a batch or a request may have at most.
inline constexpr int64_t kMaxContext = int64_t{1} << 28;

/// "`what`: expected `low` to `high`, found `found`".
Error range_error(std::string_view what, int64_t low, int64_t high, int64_t found);

}  // namespace whet
