// Prompts to measure speculation with, each of a category: what an answer repeats decides what
// speculation buys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace whet {

struct SpeculationPrompt {
  std::string id, category, prompt;
};

/// Those that come with whet: chat, code, edit, summary, maths.
Result<std::vector<SpeculationPrompt>> built_in_speculation_prompts();

/// Lines of {"id": ..., "category": ..., "prompt": ...}; `origin` is named in errors.
Result<std::vector<SpeculationPrompt>> parse_speculation_prompts(std::string_view text,
                                                                 const std::string& origin);

}  // namespace whet
