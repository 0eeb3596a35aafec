// Where in a template something stands, and the one form of an error that points there.
#pragma once

#include <string_view>

#include "base/error.h"

namespace whet::jinja {

struct Position {
  int line = 1;
  int column = 1;  // in code points
};

/// "line 3, column 14: message", with code kInvalidModel.
Error error_at(Position at, std::string_view message);
/// The same prefix before an existing error; its code is kept.
Error locate(Position at, const Error& error);

}  // namespace whet::jinja
