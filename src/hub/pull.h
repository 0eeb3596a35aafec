// Pull: a model by name from Hugging Face, an Ollama registry or a plain address into the store
// that its own program would put it in.
#pragma once

#include <functional>
#include <string>

#include "hub/download.h"
#include "hub/reference.h"
#include "hub/settings.h"

namespace whet::hub {

struct PullOptions {
  DownloadOptions download = {};
  std::string sha256 = {};  // of the file of a plain address, where the user knows it
};

/// What happens to a pull while it runs.
struct PullEvents {
  std::function<void(const std::string& file, uint64_t n_bytes)> on_file = {};  // before its bytes
  OnProgress on_progress = {};                                                  // of that file
  http::Cancelled cancelled = {};
};

/// Returns the path to open. A model that is there and complete costs a question about its revision
/// and nothing else.
/// Errors: kUnavailable when offline; those of the hub and of download().
Result<std::string> pull(const Reference& reference, const Settings& settings,
                         const PullOptions& options, const PullEvents& events);

}  // namespace whet::hub
