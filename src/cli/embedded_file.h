// Files that are part of the program.
#pragma once

#include <span>
#include <string_view>

namespace whet {

struct EmbeddedFile {
  std::string_view name;  // "chain.jsonl"
  std::string_view content;
};

/// The task families that come with whet, by name.
std::span<const EmbeddedFile> embedded_tasks();
/// Prompts to measure speculation with.
std::span<const EmbeddedFile> embedded_prompts();

}  // namespace whet
