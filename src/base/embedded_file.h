// Files that are part of the program, see cmake/EmbedFiles.cmake.
#pragma once

#include <string_view>

namespace whet {

struct EmbeddedFile {
  std::string_view name;  // "chain.jsonl"
  std::string_view content;
};

}  // namespace whet
