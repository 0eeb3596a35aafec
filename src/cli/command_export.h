// The commands' descriptions for other programs: man and the shell.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace whet {

/// whet(1) in roff.
std::string man_page(const std::vector<Command>& commands, const std::string& version);
/// A completion function for bash: commands, their flags, values of flags that take one of a few,
/// file names.
std::string bash_completion(const std::vector<Command>& commands);
/// The same for zsh and fish, which also show what each flag does.
std::string zsh_completion(const std::vector<Command>& commands);
std::string fish_completion(const std::vector<Command>& commands);

}  // namespace whet
