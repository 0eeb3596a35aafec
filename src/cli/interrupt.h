// Ctrl-C: the first asks the running work to stop and keep what it has, the second exits at once.
#pragma once

#include "generator/generator.h"

namespace whet {

/// Installs handlers for SIGINT, SIGTERM and, unless it is ignored, SIGHUP on first use.
CancelFlag& interrupt_flag();
/// Exit status of a process that was told to stop: 130 by SIGINT, 143 by SIGTERM, 129 by SIGHUP.
int interrupted_status();

}  // namespace whet
