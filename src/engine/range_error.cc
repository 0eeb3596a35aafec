#include "engine/range_error.h"

#include <fmt/format.h>

namespace whet {

Error range_error(std::string_view what, int64_t low, int64_t high, int64_t found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: expected {} to {}, found {}", what, low, high, found));
}

}  // namespace whet
