#include "generator/generator.h"

#include "base/check.h"

namespace whet {

std::string_view finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kTime:
      return "time";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  WHET_UNREACHABLE();
}

}  // namespace whet
