// What often lies where a model file should: recognised so that the error can say what to do.
#pragma once

#include <optional>
#include <string_view>

#include "base/error.h"

namespace whet {

/// An error for a file that begins like a pointer of Git LFS or like an HTML page; none for others.
std::optional<Error> stray_download(std::string_view path, std::string_view head);

}  // namespace whet
