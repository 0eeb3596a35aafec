// Chat in the terminal, with Ollama's slash commands.
#pragma once

#include "engine/engine.h"

namespace whet {

/// `base` carries sampling and limits, and the system message if there is one. Returns the exit
/// status.
int run_repl(Engine& engine, GenerateRequest base, bool verbose);

}  // namespace whet
