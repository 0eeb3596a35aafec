// Flags of llama.cpp that whet has no use for: people type them, so each is answered by name.
#pragma once

#include <string_view>

namespace whet {

struct ForeignFlag {
  std::string_view name;
  std::string_view explanation;  // what to do instead, or why it does nothing
  bool ignored = false;          // what it asks for holds anyway: a note, no error
  bool takes_value = false;      // of an ignored one
};

/// None for a flag that is unknown there too.
const ForeignFlag* find_foreign_flag(std::string_view argument);

}  // namespace whet
