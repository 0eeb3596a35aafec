// Files that the command line brings along.
#pragma once

#include <span>

#include "base/embedded_file.h"

namespace whet {

/// The task families that come with whet, by name.
std::span<const EmbeddedFile> embedded_tasks();
/// Prompts to measure speculation with.
std::span<const EmbeddedFile> embedded_prompts();

}  // namespace whet
