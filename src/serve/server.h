// Server: routes and what they share. Knows dialects, not sockets: tests call handle() directly.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serve/fields.h"
#include "serve/gate.h"
#include "serve/message.h"
#include "serve/metrics.h"
#include "serve/model_digests.h"
#include "serve/model_store.h"
#include "serve/served_models.h"

namespace whet::serve {

/// What a request gets that does not say; none = as its dialect has it.
struct SamplingDefaults {
  std::optional<double> temperature = {}, top_p = {}, min_p = {};
  std::optional<uint64_t> top_k = {}, seed = {}, max_tokens = {};
};

struct ServerOptions {
  GatePolicy gate = {};
  bool page = true;                 // the web page at /
  bool strict = false;              // a field that would be ignored is an error
  bool reasoning = true;            // apart from the answer, as reasoning_content or thinking
  std::optional<bool> thinks = {};  // where a request does not say; none = as the template has it
  SamplingDefaults sampling = {};
  int n_parallel = 1;         // requests that are computed at once, as /props tells
  int n_sampled_limit = 128;  // most completions of one request
  std::string version = {};
  std::string reports_directory = {};  // of past experiments, for the page; empty = none
};

class Server {
 public:
  /// Without a store, clients may neither fetch nor delete models.
  Server(ServerOptions options, std::unique_ptr<ServedModels> models,
         std::unique_ptr<ModelStore> store = nullptr)
      : options_(std::move(options)), models_(std::move(models)), store_(std::move(store)) {}

  /// Answers any request, by path.
  void handle(const Request& request, Reply& reply);
  /// Needs no worker: nothing is computed and no model is loaded.
  static bool is_quick(const Request& request);
  /// The body of an error in the dialect of a path.
  static std::string error_body(const std::string& path, const ApiError& error);

  const ServerOptions& options() const { return options_; }
  ServedModels& models() { return *models_; }
  ModelStore* store() { return store_.get(); }
  Metrics& metrics() { return metrics_; }
  ModelDigests& digests() { return digests_; }
  /// A number for the next reply's id.
  uint64_t next_id() { return next_id_.fetch_add(1) + 1; }

 private:
  ServerOptions options_;
  std::unique_ptr<ServedModels> models_;
  std::unique_ptr<ModelStore> store_;
  Metrics metrics_;
  ModelDigests digests_;
  std::atomic<uint64_t> next_id_{0};
};

/// One request on its way through a route: its reply with the headers that every answer gets, its
/// body, whose cache it shares.
struct Exchange {
  Server& server;
  const Request& request;
  Reply& reply;
  Headers headers;
  std::string cache_scope;

  void send(int status, const Json& json);
  void fail(const ApiError& error);
  /// The body as a JSON object; fails the exchange if it is none.
  bool parse(Json& json);
  /// False, and the exchange failed, if a field was wrong. Names ignored fields in a header.
  bool accept(const Fields& fields);
  /// The same for a field of which only the model tells that it has no effect.
  bool ignore(const std::string& field);
};

}  // namespace whet::serve
