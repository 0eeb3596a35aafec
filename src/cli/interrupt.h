// Ctrl-C: the first asks the running work to stop and keep what it has, the second exits at once.
#pragma once

#include "generator/generator.h"

namespace whet {

/// Installs handlers for SIGINT and SIGTERM on first use.
CancelFlag& interrupt_flag();
/// Exit status of a process that was told to stop: 130, or 143 where SIGTERM told it.
int interrupted_status();

}  // namespace whet
