#include "base/error.h"

#include <fmt/format.h>

#include "base/check.h"

namespace whet {

int exit_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return 2;
    case ErrorCode::kInvalidModel:
    case ErrorCode::kNotFound:
      return 3;
    case ErrorCode::kResourceExhausted:
      return 5;
    case ErrorCode::kCancelled:
      return 130;
    case ErrorCode::kIo:
    case ErrorCode::kUnavailable:
    case ErrorCode::kInternal:
      return 1;
  }
  WHET_UNREACHABLE();
}

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kInvalidModel:
      return "invalid_model";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kResourceExhausted:
      return "resource_exhausted";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      return "internal";
  }
  WHET_UNREACHABLE();
}

Error Error::with_context(std::string_view frame) const& {
  return Error(code_, fmt::format("{}: {}", frame, message_));
}

}  // namespace whet
