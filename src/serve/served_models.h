// ServedModels: the models that a server offers by name: loaded when first asked for, unloaded when
// nobody has used them for a while or another one needs their memory.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "serve/model_source.h"

namespace whet::serve {

/// A model in memory.
struct ServedModel {
  std::string id, path;
  std::unique_ptr<Engine> engine;

  /// Weights, and keys and values as of now.
  uint64_t n_bytes() const {
    return engine->describe().n_bytes + engine->load().kv.committed_bytes;
  }
  int64_t load_ns = 0;    // that loading took
  int64_t loaded_ns = 0;  // monotonic time at which it was there
};

class ServedModels {
 public:
  using Load = std::function<Result<std::unique_ptr<Engine>>(const std::string& path)>;
  using Seconds = std::chrono::seconds;
  /// `keep_alive` negative = for ever. `memory_bytes`: for all models together.
  ServedModels(std::vector<ModelSource> sources, Load load, Seconds keep_alive,
               uint64_t memory_bytes = UINT64_MAX);
  ~ServedModels();

  /// The name of a source that clients may mean: as it is, in any case, without ":latest", or the
  /// only one if `name` is empty.
  std::optional<ModelSource> find(const std::string& name) const;
  /// In memory from here on while the pointer lives and for its keep-alive after that.
  /// Errors: kNotFound; kInvalidArgument if it can never fit into the memory, kUnavailable while
  /// models that answer somebody leave too little of it; those of loading. Only where it will fit
  /// are others unloaded, the longest unused first.
  Result<std::shared_ptr<ServedModel>> use(const std::string& name,
                                           std::optional<Seconds> keep_alive = std::nullopt);
  void unload(const std::string& id);
  /// Ends a use: with a keep-alive of 0 that runs out at once, and not when the janitor next looks.
  void release(std::shared_ptr<ServedModel> model);

  std::vector<ModelSource> sources() const;
  /// Of the first source: what routes mean whose requests name no model. Empty if there is none.
  std::string default_id() const;
  /// Another model to offer, in the place of one of the same name.
  void add(ModelSource source);
  /// No longer offered, and unloaded; whoever it answers keeps it to the end.
  void remove(const std::string& id);
  struct Running {
    std::shared_ptr<ServedModel> model;
    std::optional<std::chrono::system_clock::time_point> expires;  // none = never
  };
  std::vector<Running> running() const;

 private:
  struct Slot {
    std::shared_ptr<ServedModel> model;
    Seconds keep_alive{0};
    std::chrono::system_clock::time_point last_used;
  };
  Status make_room(const ModelSource& source);
  void expire(const std::stop_token& stop);
  std::optional<std::chrono::system_clock::time_point> expiry(const Slot& slot) const;

  const Load load_;
  const Seconds keep_alive_;
  const uint64_t memory_bytes_;
  mutable std::mutex mutex_;
  std::vector<ModelSource> sources_;
  std::mutex loading_;  // one model at a time
  std::vector<Slot> slots_;
  std::condition_variable_any changed_;
  std::jthread janitor_;
};

}  // namespace whet::serve
