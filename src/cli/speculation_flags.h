// Flags of speculative decoding, with llama.cpp's names.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "draft/speculation_options.h"

namespace whet {

struct SpeculationFlags {
  std::string types;  // --spec-type; empty = whatever there is a file or model for
  std::string draft_model;
  std::string draft_sparsity = "off";
  bool fixed = false;
  bool no_session = false;  // not a flag: of commands that ask the same again and again
  SpeculationOptions options;

  void add_to(Command& command);
  /// Errors: an unknown type; a type without what it proposes from, or the reverse.
  Result<SpeculationOptions> resolve() const;
};

}  // namespace whet
