// Models behind the address of another engine: --endpoint, the key, what such a model cannot do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "remote/remote_generator.h"

namespace whet {

struct RemoteFlags {
  std::vector<std::string> endpoints;  // beside the model's own address
  int most_per_endpoint = 16;

  void add_to(Command& command);
  /// The model at `address`; says on stderr what it cannot do.
  Result<std::unique_ptr<remote::RemoteGenerator>> open(const std::string& address) const;
};

/// The key for `address`: WHET_ENDPOINT_KEY, or OPENAI_API_KEY where that is OpenAI's own; empty =
/// none.
std::string endpoint_key(const std::string& address);

}  // namespace whet
