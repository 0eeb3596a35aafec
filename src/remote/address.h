// Address: a model behind another engine's HTTP API, as a user writes it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace whet::remote {

enum class Dialect { kOpenAi, kOllama };

struct Address {
  Dialect dialect = Dialect::kOpenAi;
  std::string base;   // "http://host:8080/v1", or Ollama's "http://host:11434"; no "/" at the end
  std::string model;  // empty: the only one that is there
  std::string text;   // as the user wrote it
};

/// Whether a model argument is such an address and no path.
bool is_address(std::string_view model);

/// "http://host:port/v1#model", "https://...", "ollama://host[:port]/model"; a path that is left
/// out is /v1. Errors (kInvalidArgument): what was expected.
Result<Address> parse_address(const std::string& text);

}  // namespace whet::remote
