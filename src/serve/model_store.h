// ModelStore: what fetches models to the server's machine when a client asks, and removes them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "generator/generator.h"
#include "serve/model_source.h"

namespace whet::serve {

struct PullProgress {
  std::string file;
  uint64_t done_bytes = 0, total_bytes = 0;
};

class ModelStore {
 public:
  virtual ~ModelStore() = default;
  /// `name` as a client of Ollama writes it. Calls `on_progress` now and then, one thread at a
  /// time. Errors: kInvalidArgument: a name that this server does not fetch; those of fetching.
  virtual Result<ModelSource> pull(const std::string& name,
                                   const std::function<void(const PullProgress&)>& on_progress,
                                   const CancelFlag& cancel) = 0;
  /// Of a model that came from the store. Errors: kNotFound, kIo.
  virtual Status remove(const ModelSource& source) = 0;
};

}  // namespace whet::serve
