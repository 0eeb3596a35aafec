// Settings: where models lie on this machine and who may be asked for more, as the environment of
// Hugging Face's and Ollama's own programs says.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "http/client.h"

namespace whet::hub {

struct Settings {
  std::string hf_cache;      // HF_HUB_CACHE, HF_HOME/hub, ~/.cache/huggingface/hub
  std::string hf_endpoint;   // HF_ENDPOINT; "https://huggingface.co"
  std::string hf_token;      // HF_TOKEN, or the file HF_TOKEN_PATH, HF_HOME/token; empty = none
  std::string ollama_store;  // OLLAMA_MODELS, ~/.ollama/models
  std::string own_store;  // WHET_HOME/models, ~/.cache/whet/models: what comes from plain addresses
  bool offline = false;   // HF_HUB_OFFLINE, WHET_OFFLINE
  /// Beside Hugging Face's and Ollama's hosts, from WHET_HUB_HOSTS (commas): a host, "*.host", or
  /// an origin with its scheme, which may be plain http and private.
  std::vector<std::string> more_hosts;

  /// Errors (kInvalidArgument): an address that is none; a token file that cannot be read.
  static Result<Settings> of_environment();

  /// Where a download may be led to.
  http::RedirectPolicy redirects() const;
};

}  // namespace whet::hub
