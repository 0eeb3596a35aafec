// What --help prints.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace whet {

/// Usage, summary, every flag with its default, in lines of at most `columns`.
std::string help_text(const Command& command, size_t columns);
/// The program as a whole: its commands with their summaries.
std::string overview_text(const std::vector<Command>& commands, size_t columns);

/// "-m, --model MODEL"; of an operand "MODEL, -m, --model".
std::string flag_heading(const Flag& flag);
/// The help of a flag with its choices and default.
std::string flag_explanation(const Flag& flag);

inline constexpr const char* kMotto =
    "Run open language models locally. Sharpen them at inference time. Prove what it bought.";

}  // namespace whet
