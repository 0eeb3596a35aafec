// Ctrl-C: the first asks the running work to stop and keep what it has, the second exits at once.
#pragma once

#include "generator/generator.h"

namespace whet {

/// Installs handlers for SIGINT and SIGTERM on first use.
CancelFlag& interrupt_flag();

}  // namespace whet
