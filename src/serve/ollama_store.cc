#include "serve/ollama_store.h"

#include <fmt/format.h>

#include <utility>

#include "base/clock.h"

namespace whet::serve {
namespace {

// Lines closer together than this tell a reader nothing.
constexpr int64_t kBetweenLinesNs = 100'000'000;

const ApiError kNoStore{
    403,
    "this server lets no client fetch or delete models: start it with --pull on, or use whet pull "
    "and whet rm on its machine"};

}  // namespace

std::string model_field(Fields& fields) {
  const std::string name = fields.text("name", "");
  const std::string model = fields.text("model", "");
  if (model.empty() && name.empty()) fields.fail("model", "the name of a model");
  return model.empty() ? name : model;
}

void ollama_pull(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  const std::string name = model_field(fields);
  const bool stream = fields.flag("stream", true);
  fields.ignore({"insecure"});
  if (!exchange.accept(fields)) return;

  ServedModels& models = exchange.server.models();
  ModelStore* store = exchange.server.store();
  const auto known = models.find(name);
  const bool is_there = known && (store == nullptr || known->stored_as.empty());
  if (!is_there && store == nullptr) return exchange.fail(kNoStore);
  bool begun = false;
  const auto write = [&](const Json& line) {
    if (!stream) return;
    if (!std::exchange(begun, true)) {
      exchange.reply.begin(200, "application/x-ndjson", exchange.headers);
    }
    exchange.reply.write(dump(line) + "\n");
  };
  if (!is_there) {
    int64_t written_ns = 0;
    const auto source = store->pull(
        name,
        [&](const PullProgress& progress) {
          const int64_t now = monotonic_ns();
          const bool is_last = progress.done_bytes == progress.total_bytes;
          if (!is_last && now - written_ns < kBetweenLinesNs) return;
          written_ns = now;
          write({{"status", "pulling " + progress.file},
                 {"digest", progress.file},
                 {"total", progress.total_bytes},
                 {"completed", progress.done_bytes}});
        },
        exchange.reply.cancelled());
    if (!source.ok()) {
      const ApiError error = api_error(source.error());
      if (!begun) return exchange.fail(error);
      exchange.reply.write(Server::error_body("/api/", error) + "\n");
      return exchange.reply.end();
    }
    models.add(*source);
  }
  const Json done{{"status", "success"}};
  if (!stream) return exchange.send(200, done);
  write(done);
  exchange.reply.end();
}

void ollama_delete(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  const std::string name = model_field(fields);
  if (!exchange.accept(fields)) return;
  ServedModels& models = exchange.server.models();
  const auto source = models.find(name);
  if (!source) return exchange.fail({404, fmt::format("model '{}' not found", name)});
  if (exchange.server.store() == nullptr) return exchange.fail(kNoStore);
  if (source->stored_as.empty()) {
    return exchange.fail({403, fmt::format("model '{}' was given to this server as a file, which "
                                           "is left alone; \"keep_alive\": 0 unloads it",
                                           name)});
  }
  const Status removed = exchange.server.store()->remove(*source);
  if (!removed.ok()) return exchange.fail(api_error(removed.error()));
  models.remove(source->id);
  exchange.send(200, Json::object());
}

}  // namespace whet::serve
