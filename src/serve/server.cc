#include "serve/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/json_nesting.h"
#include "serve/embeddings.h"
#include "serve/generation.h"
#include "serve/llama_server.h"
#include "serve/ollama.h"
#include "serve/ollama_models.h"
#include "serve/ollama_store.h"
#include "serve/openai_chat.h"
#include "serve/openai_completions.h"
#include "serve/page.h"
#include "serve/past_reports.h"
#include "serve/responses.h"

namespace whet::serve {
namespace {

void health(Exchange& exchange) {
  exchange.send(200, {{"status", "ok"}});
}

bool wants_page(const Exchange& exchange) {
  return exchange.server.options().page &&
         exchange.request.header("accept").find("text/html") != std::string::npos;
}

void send_page(Exchange& exchange, int status) {
  exchange.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'; script-src "
                                "'unsafe-inline'; connect-src 'self'; img-src data:");
  exchange.reply.send(status, "text/html; charset=utf-8", std::string(page()), exchange.headers);
}

void root(Exchange& exchange) {
  if (wants_page(exchange)) return send_page(exchange, 200);
  // Ollama's clients ask whether it is there.
  exchange.reply.send(200, "text/plain; charset=utf-8", "Ollama is running", exchange.headers);
}

void list_models(Exchange& exchange) {
  Json data = Json::array();
  for (const ModelSource& source : exchange.server.models().sources()) {
    data.push_back(
        {{"id", source.id}, {"object", "model"}, {"created", unix_time()}, {"owned_by", "whet"}});
  }
  exchange.send(200, {{"object", "list"}, {"data", std::move(data)}});
}

void show_model(Exchange& exchange) {
  const std::string name = exchange.request.path.substr(std::string_view("/v1/models/").size());
  const auto source = exchange.server.models().find(name);
  if (!source) {
    return exchange.fail(
        {404, fmt::format("model '{}' not found", name), "model", "model_not_found"});
  }
  exchange.send(
      200,
      {{"id", source->id}, {"object", "model"}, {"created", unix_time()}, {"owned_by", "whet"}});
}

void version(Exchange& exchange) {
  exchange.send(200, {{"version", exchange.server.options().version}});
}

void metrics(Exchange& exchange) {
  const Metrics& m = exchange.server.metrics();
  std::string out;
  const auto counter = [&](std::string_view name, std::string_view help, int64_t value) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} counter\n{0} {2}\n", name, help, value);
  };
  const auto gauge = [&](std::string_view name, std::string_view help, double value) {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n{0} {2}\n", name, help, value);
  };
  counter("whet_requests_total", "Requests that generated.", m.requests);
  counter("whet_requests_failed_total", "Of these, refused or failed.", m.failed);
  counter("whet_requests_cancelled_total", "Of these, left by their client.", m.cancelled);
  counter("whet_tokens_prompt_total", "Prompt tokens, cached ones included.", m.prompt_tokens);
  counter("whet_tokens_cached_total", "Prompt tokens found in the prefix cache.", m.cached_tokens);
  counter("whet_tokens_completion_total", "Tokens sampled.", m.completion_tokens);
  counter("whet_tokens_drafted_total", "Tokens that speculation proposed.", m.drafted_tokens);
  counter("whet_tokens_draft_accepted_total", "Of these, drawn.", m.accepted_tokens);
  EngineLoad total;
  KvStats kv{};
  for (const ServedModels::Running& running : exchange.server.models().running()) {
    const EngineLoad load = running.model->engine->load();
    total.n_running += load.n_running;
    total.n_waiting += load.n_waiting;
    total.n_gave_way += load.n_gave_way;
    kv.committed_bytes += load.kv.committed_bytes;
    kv.needed_bytes += load.kv.needed_bytes;
    kv.shared_bytes += load.kv.shared_bytes;
  }
  gauge("whet_requests_running", "Requests in the steps of an engine.",
        static_cast<double>(total.n_running));
  gauge("whet_requests_waiting", "Requests that wait for memory.",
        static_cast<double>(total.n_waiting));
  counter("whet_requests_gave_way_total",
          "Times that a request lost its memory to an older one and waited again.",
          total.n_gave_way);
  gauge("whet_kv_committed_bytes", "Memory of keys and values.",
        static_cast<double>(kv.committed_bytes));
  gauge("whet_kv_needed_bytes", "Of it, held by texts.", static_cast<double>(kv.needed_bytes));
  gauge("whet_kv_shared_bytes", "What sharing saves.", static_cast<double>(kv.shared_bytes));
  m.time_to_first_token.write("whet_time_to_first_token_seconds", "From request to first token.",
                              out);
  m.time_per_token.write("whet_time_per_token_seconds", "Mean time between tokens of a request.",
                         out);
  m.request_duration.write("whet_request_duration_seconds", "From request to last token.", out);
  exchange.reply.send(200, "text/plain; version=0.0.4; charset=utf-8", std::move(out),
                      exchange.headers);
}

void not_supported(Exchange& exchange) {
  exchange.fail({501, fmt::format("{} is not supported by this server", exchange.request.path)});
}

struct Route {
  std::string_view method, path;
  void (*handle)(Exchange&);
  bool quick = false;
};

constexpr Route kRoutes[] = {
    {"GET", "/", root, true},
    {"GET", "/health", health, true},
    {"GET", "/v1/health", health, true},
    {"GET", "/metrics", metrics, true},
    {"GET", "/v1/models", list_models, true},
    {"GET", "/models", list_models, true},
    {"POST", "/v1/chat/completions", chat_completions},
    {"POST", "/chat/completions", chat_completions},
    {"POST", "/v1/chat/completions/input_tokens", llama_count_chat},
    {"POST", "/chat/completions/input_tokens", llama_count_chat},
    {"POST", "/v1/completions", completions},
    {"POST", "/completion", llama_completion},
    {"POST", "/completions", llama_completion},
    {"POST", "/tokenize", llama_tokenize},
    {"POST", "/detokenize", llama_detokenize},
    {"POST", "/apply-template", llama_apply_template},
    {"GET", "/props", llama_props},
    {"GET", "/slots", llama_slots, true},
    {"GET", "/api/tags", ollama_tags, true},
    {"GET", "/api/ps", ollama_ps, true},
    {"GET", "/api/version", version, true},
    {"GET", "/whet/strategies", list_strategies, true},
    {"GET", "/whet/reports", list_reports, true},
    {"POST", "/api/show", ollama_show},
    {"POST", "/api/chat", ollama_chat},
    {"POST", "/api/generate", ollama_generate},
    {"POST", "/api/pull", ollama_pull},
    {"POST", "/api/push", not_supported},
    {"POST", "/api/create", not_supported},
    {"POST", "/api/copy", not_supported},
    {"DELETE", "/api/delete", ollama_delete},
    {"POST", "/v1/responses", responses},
    {"POST", "/responses", responses},
    {"POST", "/v1/embeddings", openai_embeddings},
    {"POST", "/api/embed", ollama_embed},
    {"POST", "/api/embeddings", ollama_embeddings},
    {"POST", "/embedding", llama_embedding},
    {"POST", "/embeddings", llama_embedding},
};

// "/v1/completions/" is tried by some clients.
std::string_view without_slash(std::string_view path) {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

const Route* find_route(std::string_view method, std::string_view path, bool& path_known) {
  if (method == "HEAD") method = "GET";
  path = without_slash(path);
  static constexpr Route kNamed[] = {{"GET", "/v1/models/", show_model, true},
                                     {"GET", "/whet/reports/", show_report},
                                     {"POST", "/api/blobs/", not_supported}};
  for (const Route& route : kNamed) {
    if (!path.starts_with(route.path)) continue;
    path_known = true;
    return method == route.method ? &route : nullptr;
  }
  for (const Route& route : kRoutes) {
    if (route.path != path) continue;
    path_known = true;
    if (route.method == method) return &route;
  }
  return nullptr;
}

std::string_view error_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 501:
      return "not_supported_error";
    case 503:
      return "unavailable_error";
    default:
      return status < 500 ? "invalid_request_error" : "server_error";
  }
}

constexpr size_t kMaxNamesBytes = 1000;

bool name_ignored(Exchange& exchange, const std::vector<std::string>& ignored) {
  if (ignored.empty()) return true;
  if (exchange.server.options().strict) {
    exchange.fail({400, fmt::format("fields that would be ignored: {}", fmt::join(ignored, ", ")),
                   ignored.front()});
    return false;
  }
  Headers& headers = exchange.headers;
  auto header =
      std::ranges::find(headers, "x-whet-ignored", &std::pair<std::string, std::string>::first);
  if (header == headers.end()) {
    header = headers.insert(headers.end(), {"x-whet-ignored", ""});
  }
  std::string& names = header->second;
  for (const std::string& name : ignored) {
    for (char c : (names.empty() ? "" : ",") + name) {
      // A header holds printable ASCII.
      if (c >= 0x20 && c < 0x7F) names.push_back(c);
    }
  }
  names.resize(std::min(names.size(), kMaxNamesBytes));
  return true;
}

/// The methods that a path answers to, for "Allow".
std::string methods_of(std::string_view path) {
  std::string methods;
  for (const char* method : {"GET", "POST", "DELETE"}) {
    bool known = false;
    if (find_route(method, path, known) == nullptr) continue;
    methods += (methods.empty() ? "" : ", ") + std::string(method);
    if (methods == "GET") methods += ", HEAD";
  }
  return methods;
}

}  // namespace

bool Server::is_quick(const Request& request) {
  bool known = false;
  const Route* route = find_route(request.method, request.path, known);
  return route == nullptr || route->quick;
}

std::string Server::error_body(const std::string& path, const ApiError& error) {
  if (path.starts_with("/api/")) return dump({{"error", error.message}});
  const auto or_null = [](const std::string& text) { return text.empty() ? Json() : Json(text); };
  if (path.starts_with("/v1/") || path == "/chat/completions") {
    return dump({{"error",
                  {{"message", error.message},
                   {"type", error_type(error.status)},
                   {"param", or_null(error.param)},
                   {"code", or_null(error.code)}}}});
  }
  return dump(
      {{"error",
        {{"code", error.status}, {"message", error.message}, {"type", error_type(error.status)}}}});
}

void Server::handle(const Request& request, Reply& reply) {
  Exchange exchange{*this, request, reply, cors_headers(options_.gate, request), ""};
  Visitor visitor;
  if (const auto refused = refuse(options_.gate, request, visitor)) {
    if (refused->status != 401) return exchange.fail(*refused);
    exchange.headers.emplace_back("WWW-Authenticate", "Bearer");
    // The page asks for the key, and without one nothing answers it.
    if (request.path == "/" && wants_page(exchange)) return send_page(exchange, 401);
    return exchange.fail(*refused);
  }
  if (visitor.key > 0) exchange.cache_scope = std::to_string(visitor.key);
  if (request.method == "OPTIONS") return reply.send(200, "", "", exchange.headers);
  bool path_known = false;
  const Route* route = find_route(request.method, request.path, path_known);
  if (route == nullptr) {
    if (path_known) exchange.headers.emplace_back("Allow", methods_of(request.path));
    return exchange.fail(
        {path_known ? 405 : 404,
         path_known ? fmt::format("{} is not answered to {}", request.path, request.method)
                    : fmt::format("there is no {} here", request.path)});
  }
  route->handle(exchange);
}

void Exchange::send(int status, const Json& json) {
  reply.send(status, "application/json", dump(json), headers);
}

void Exchange::fail(const ApiError& error) {
  if (error.status == 503) headers.emplace_back("Retry-After", "5");
  reply.send(error.status, "application/json", Server::error_body(request.path, error), headers);
}

bool Exchange::parse(Json& json) {
  const std::string_view type = request.header("content-type");
  if (type.find("json") == std::string_view::npos) {
    // A form of another site could send anything else without asking first.
    fail({415, fmt::format("Content-Type: expected application/json, found \"{}\"", type)});
    return false;
  }
  if (!request.header("content-encoding").empty()) {
    fail({415, fmt::format("Content-Encoding: expected none, found \"{}\"",
                           request.header("content-encoding"))});
    return false;
  }
  bool too_deep = false;
  json = Json::parse(
      request.body,
      [&](int depth, Json::parse_event_t, Json&) {
        too_deep |= depth > kMaxJsonNesting;
        return depth <= kMaxJsonNesting;
      },
      false);
  if (too_deep || !json.is_object()) {
    fail({400, request.body.empty() ? "missing request body"
               : too_deep
                   ? fmt::format("the body is nested more than {} levels deep", kMaxJsonNesting)
               : json.is_discarded()
                   ? "the body is not valid JSON"
                   : fmt::format("the body: expected a JSON object, found {}", json.type_name())});
    return false;
  }
  return true;
}

bool Exchange::accept(const Fields& fields) {
  if (fields.error()) {
    fail(*fields.error());
    return false;
  }
  return name_ignored(*this, fields.ignored());
}

bool Exchange::ignore(const std::string& field) {
  return name_ignored(*this, {field});
}

}  // namespace whet::serve
