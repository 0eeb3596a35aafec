// The error of a model file that is malformed or unsupported.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/error.h"

namespace whet {

inline Error invalid_model(std::string message) {
  return Error(ErrorCode::kInvalidModel, std::move(message));
}

/// With a message of fmt's.
template <typename Arg, typename... Args>
Error invalid_model(fmt::format_string<Arg, Args...> format, Arg&& arg, Args&&... args) {
  return invalid_model(
      fmt::format(format, std::forward<Arg>(arg), std::forward<Args>(args)...));
}

}  // namespace whet
