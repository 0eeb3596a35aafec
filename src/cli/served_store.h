// The models of this machine's stores as a server's clients see them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "serve/model_store.h"

namespace whet {

/// What whet ls lists, under the names that clients use: those of Ollama's store without their
/// prefix. Errors: of the environment.
Result<std::vector<serve::ModelSource>> stored_sources();

/// Fetches from Hugging Face and Ollama's registry, not from addresses: a client must not make the
/// server ask others in its network. Errors: of the environment.
Result<std::unique_ptr<serve::ModelStore>> make_served_store();

}  // namespace whet
