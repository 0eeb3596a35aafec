#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "cli/commands.h"
#include "cli/model_flags.h"
#include "cli/served_store.h"
#include "cli/terminal.h"
#include "cli/version.h"
#include "serve/http_server.h"
#include "serve/server.h"
#include "sys/file_bytes.h"
#include "sys/machine.h"

namespace whet {
namespace {

using serve::HttpLimits;

constexpr const char* kLoopback = "127.0.0.1";
constexpr int kDefaultPort = 9438;  // W-H-E-T on a keypad
constexpr uint64_t kMaxKeyFileBytes = 1 << 20;

struct ServeFlags {
  ModelFlags model;
  serve::SamplingDefaults sampling;
  int64_t seed = -1, max_tokens = -1;  // of requests that name none; -1 = no value
  std::vector<std::string> models, aliases, keys, cors_origins;
  std::string models_directory, reports_directory = "whet-out", host = kLoopback, key_file,
                                reasoning_format = "auto", reasoning = "auto", pooling = "auto",
                                pull = "auto";
  int port = kDefaultPort;
  int parallel = 16, max_queue = 512, timeout_s = 60, keep_alive_s = 300, reasoning_budget = -1;
  uint64_t memory_mib = 0;
  bool no_page = false, no_auth = false, strict = false;
};

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// Keys of the flags, the environment and the file; a key file that others may read is refused.
Result<std::vector<std::string>> read_keys(const ServeFlags& options) {
  std::vector<std::string> keys = options.keys;
  if (const char* key = std::getenv("WHET_API_KEY"); key != nullptr && *key != '\0') {
    keys.emplace_back(key);
  }
  if (!options.key_file.empty()) {
    struct stat status {};
    if (::stat(options.key_file.c_str(), &status) == 0 && (status.st_mode & 0077) != 0) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("--api-key-file {}: expected mode 600, found {:o}: others can read it",
                      options.key_file, status.st_mode & 0777));
    }
    WHET_TRY(const std::string text, read_file(options.key_file, kMaxKeyFileBytes));
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      std::string line = text.substr(begin, end - begin);
      line.erase(line.find_last_not_of(" \r\t") + 1);
      if (!line.empty()) keys.push_back(std::move(line));
      begin = end + 1;
    }
  }
  return keys;
}

Result<std::vector<serve::ModelSource>> read_sources(const ServeFlags& options) {
  const std::vector<std::string>& paths = options.models;
  if (options.aliases.size() > paths.size()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--alias: expected at most one per model, found {} for {}",
                             options.aliases.size(), paths.size()));
  }
  std::vector<serve::ModelSource> sources;
  for (size_t i = 0; i < paths.size(); ++i) {
    sources.push_back(
        {i < options.aliases.size() ? options.aliases[i] : serve::model_name(paths[i]), paths[i]});
  }
  if (!options.models_directory.empty()) {
    WHET_TRY(const auto more, serve::models_in(options.models_directory));
    sources.insert(sources.end(), more.begin(), more.end());
  }
  // As Ollama: without a model on the command line, whatever there is.
  if (paths.empty() && options.models_directory.empty()) return stored_sources();
  for (size_t i = 0; i < sources.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      if (sources[k].id != sources[i].id) continue;
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("two models are called \"{}\": {} and {}; name them with --alias",
                               sources[i].id, sources[k].path, sources[i].path));
    }
  }
  return sources;
}

/// None for "auto".
std::optional<Pooling> read_pooling(const std::string& name) {
  for (const Pooling pooling : {Pooling::kMean, Pooling::kFirst, Pooling::kLast}) {
    if (pooling_name(pooling) == name) return pooling;
  }
  return std::nullopt;
}

std::string what_of(const std::vector<serve::ModelSource>& sources) {
  if (sources.empty()) return "no model yet (whet pull fetches one)";
  return sources.front().id +
         (sources.size() == 1 ? "" : fmt::format(" and {} more", sources.size() - 1));
}

/// What all models together may take.
uint64_t memory_bytes(const ServeFlags& options) {
  if (options.memory_mib > 0) return options.memory_mib << 20;
  return available_memory_bytes().value_or(UINT64_MAX);
}

int run_serve(const ServeFlags& given) {
  ServeFlags options = given;
  if (const char* host = std::getenv("WHET_HOST"); host != nullptr && options.host == kLoopback) {
    options.host = host;
  }
  auto keys = read_keys(options);
  if (!keys.ok()) return fail(keys.error());
  auto sources = read_sources(options);
  if (!sources.ok()) return fail(sources.error());
  if (!is_loopback(options.host) && keys->empty() && !options.no_auth) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      fmt::format("--host {}: others could use this server; give --api-key (or "
                                  "WHET_API_KEY), or say --insecure-no-auth",
                                  options.host)));
  }
  serve::ServerOptions server_options;
  server_options.gate = {*keys, is_loopback(options.host), options.cors_origins};
  server_options.page = !options.no_page;
  server_options.strict = options.strict;
  server_options.reasoning = options.reasoning_format != "none";
  if (options.reasoning == "on" && options.reasoning_budget == 0) {
    return fail(
        Error(ErrorCode::kInvalidArgument,
              "--reasoning-budget 0: expected --reasoning off or auto beside it, found on"));
  }
  if (options.reasoning == "on") server_options.thinks = true;
  if (options.reasoning == "off" || options.reasoning_budget == 0) server_options.thinks = false;
  server_options.sampling = options.sampling;
  if (options.seed >= 0) server_options.sampling.seed = static_cast<uint64_t>(options.seed);
  if (options.max_tokens >= 0) {
    server_options.sampling.max_tokens = static_cast<uint64_t>(options.max_tokens);
  }
  server_options.n_parallel = options.parallel;
  server_options.version = version_string();
  server_options.reports_directory = options.reports_directory;
  const auto pooling = read_pooling(options.pooling);
  auto models = std::make_unique<serve::ServedModels>(
      *sources,
      [&options, pooling](const std::string& path) {
        ModelFlags flags = options.model;
        flags.model = path;
        flags.engine.pooling = pooling;
        flags.use = {.lives_long = true, .rows_per_step = options.parallel};
        return flags.load();
      },
      serve::ServedModels::Seconds(sources->size() == 1 ? -1 : options.keep_alive_s),
      memory_bytes(options));
  std::unique_ptr<serve::ModelStore> store;
  if (options.pull == "on" || (options.pull == "auto" && is_loopback(options.host))) {
    auto made = make_served_store();
    if (!made.ok()) return fail(made.error());
    store = std::move(made).value();
  }
  serve::Server server(std::move(server_options), std::move(models), std::move(store));

  HttpLimits limits;
  limits.max_active = options.parallel;
  limits.max_queue = options.max_queue;
  limits.write_timeout_s = options.timeout_s;
  auto http = serve::HttpServer::listen(
      options.host, options.port, limits,
      [&server](const serve::Request& request, serve::Reply& reply) {
        server.handle(request, reply);
      },
      &serve::Server::is_quick,
      [](const std::string& path, int status, const std::string& message) {
        return serve::Server::error_body(path, {status, message});
      });
  if (!http.ok()) return fail(http.error());
  // The first model that was named is there before anybody asks; an error in it ends the program.
  if (!options.models.empty()) {
    auto first = server.models().use(sources->front().id);
    if (!first.ok()) return fail(first.error());
    server.digests().find(sources->front().path);  // so that it is known when somebody asks
  }
  (*http)->stop_on_signals();
  print_message(fmt::format("whet serves {} at http://{}:{} (OpenAI: /v1, Ollama: /api{})\n",
                            what_of(*sources), options.host, (*http)->port(),
                            options.no_page ? "" : ", a page for people: /"));
  (*http)->run();
  return 0;
}

}  // namespace

Command make_serve_command() {
  auto options = std::make_shared<ServeFlags>();
  Command command("serve", "Serve models over HTTP: the APIs of OpenAI, Ollama and llama-server");
  command.add("MODEL,-m,--model", &options->models,
              std::string(kModelHelp) +
                  "; repeated, the others are loaded when first asked for (default: all that whet "
                  "ls lists)");
  options->model.add_engine_flags(command, "auto");
  options->model.add_sparsity_to(command, SparseRows::kDecoded);
  options->model.add_speculation_to(command);
  command.begin_group("Server");
  command
      .add("--models-dir", &options->models_directory,
           "serve every model in it, loaded when first asked for")
      .value_name("DIRECTORY");
  command.add("-a,--alias", &options->aliases, "what clients call the models, in order")
      .value_name("NAME");
  command.add("--host", &options->host, "address to listen on (also WHET_HOST)");
  command.add("--port", &options->port, "port; 0 = any").between(0, 65535);
  command
      .add("--api-key", &options->keys,
           "a key that clients must give; may be repeated (also WHET_API_KEY)")
      .value_name("KEY");
  command.add("--api-key-file", &options->key_file, "file with a key per line, mode 600")
      .value_name("FILE");
  command.add("--insecure-no-auth", &options->no_auth, "serve other machines without a key");
  command.add("-np,--parallel", &options->parallel, "requests that are computed at once")
      .between(1, 1024);
  command.add("--max-queue", &options->max_queue, "requests that may wait; more get 503")
      .between(0, 1e6);
  command
      .add("--timeout", &options->timeout_s,
           "seconds in which a client must take some of its answer")
      .between(1, 86400);
  command
      .add("--keep-alive", &options->keep_alive_s,
           "seconds that one of several models stays in memory unused; -1 = for ever")
      .between(-1, 1e9);
  command
      .add("--model-memory", &options->memory_mib,
           "MiB that the loaded models may take (0 = what is available at the start)")
      .between(0, 1e9);
  command
      .add("--cors-origins", &options->cors_origins,
           "a web page elsewhere that may call; may be repeated (* = any, localhost = any of this "
           "machine)")
      .value_name("ORIGIN");
  command
      .add("--reasoning-format", &options->reasoning_format,
           "auto, deepseek = reasoning apart from the answer, none = as the model writes it")
      .one_of({"auto", "deepseek", "none"});
  command
      .add("--reasoning", &options->reasoning,
           "whether models think first, where a request does not say (auto = as the model's chat "
           "template has it)")
      .one_of({"on", "off", "auto"});
  command
      .add("--reasoning-budget", &options->reasoning_budget,
           "tokens of thinking: 0 = none, as --reasoning off; -1 = no limit")
      .between(-1, 0);
  const std::string otherwise = "as the API has it";
  command.add("--temp,--temperature", &options->sampling.temperature, "of requests that name none")
      .between(0, 100)
      .default_text(otherwise);
  command.add("--top-k", &options->sampling.top_k, "the same")
      .between(0, INT32_MAX)
      .default_text(otherwise);
  command.add("--top-p", &options->sampling.top_p, "the same")
      .between(0, 1)
      .default_text(otherwise);
  command.add("--min-p", &options->sampling.min_p, "the same")
      .between(0, 1)
      .default_text(otherwise);
  command.add("-s,--seed", &options->seed, "the same (-1 = drawn)")
      .between(-1, static_cast<double>(int64_t{1} << 53));
  command
      .add("-n,--predict,--n-predict", &options->max_tokens,
           "the same of the limit (-1 = as the API has it)")
      .between(-1, INT32_MAX);
  command
      .add("--pooling", &options->pooling,
           "how states become an embedding (auto = as the model's metadata says, else last)")
      .one_of({"auto", "mean", "cls", "last"});
  command
      .add("--reports", &options->reports_directory,
           "where whet eval wrote, for the page; one report or a directory of them")
      .value_name("DIRECTORY");
  command
      .add("--pull", &options->pull,
           "whether clients may fetch and delete models: auto = where only this machine can call")
      .one_of({"auto", "on", "off"});
  command.add("--no-page", &options->no_page, "no web page at /");
  command.add("--strict-params", &options->strict,
              "refuse requests with fields that would be ignored");
  command.action([options] { return run_serve(*options); });
  return command;
}

}  // namespace whet
