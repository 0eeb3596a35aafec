// Chat in the terminal, with Ollama's slash commands.
#pragma once

#include "generator/generator.h"

namespace whet {

/// `base` carries sampling and limits, and the system message if there is one. Returns the exit
/// status.
int run_repl(Generator& model, GenerateRequest base, bool verbose);

}  // namespace whet
