#include "jinja/position.h"

#include <fmt/format.h>

namespace whet::jinja {

Error error_at(Position at, std::string_view message) {
  return locate(at, Error(ErrorCode::kInvalidModel, std::string(message)));
}

Error locate(Position at, const Error& error) {
  return error.with_context(fmt::format("line {}, column {}", at.line, at.column));
}

}  // namespace whet::jinja
