// whet pull, ls, rm and ps: models on their way here, here, gone, and in the memory of a server.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/remote_flags.h"
#include "cli/terminal.h"
#include "http/client.h"
#include "hub/pull.h"
#include "hub/store.h"
#include "report/progress.h"
#include "sys/json_text.h"

namespace whet {
namespace {

constexpr const char* kNameHelp =
    "hf:USER/REPO[@REVISION][:QUANT or FILE], ollama:NAME[:TAG] or https://HOST/FILE.gguf";
constexpr const char* kDefaultServer = "http://127.0.0.1:9438";

std::string size_text(uint64_t n_bytes) {
  const auto bytes = static_cast<double>(n_bytes);
  if (n_bytes >= 1'000'000'000) return fmt::format("{:.2f} GB", bytes * 1e-9);
  return fmt::format("{:.1f} MB", bytes * 1e-6);
}

struct PullFlags {
  std::string name, sha256;
  int connections = 4;
  int part_mib = 32;
  bool quiet = false;
};

int run_pull(const PullFlags& flags) {
  auto settings = hub::Settings::of_environment();
  if (!settings.ok()) return fail(settings.error());
  const auto reference = hub::parse_reference(flags.name);
  if (!reference.ok()) return fail(reference.error());
  hub::PullOptions options;
  options.download.n_connections = flags.connections;
  options.download.part_bytes = static_cast<uint64_t>(flags.part_mib) << 20;
  options.sha256 = flags.sha256;
  if (!flags.sha256.empty() && reference->origin != hub::Origin::kUrl) {
    return fail(
        Error(ErrorCode::kInvalidArgument,
              "--sha256: only with https://...: a hub says the hashes of its files itself"));
  }
  if (!flags.sha256.empty() && !hub::is_sha256(flags.sha256)) {
    return fail(Error(
        ErrorCode::kInvalidArgument,
        fmt::format("--sha256: expected 64 lower-case hex digits, found \"{}\"", flags.sha256)));
  }
  std::string file;
  std::optional<report::Progress> progress;
  constexpr uint64_t kMegabyte = 1'000'000;
  hub::PullEvents events;
  events.on_file = [&](const std::string& name, uint64_t) {
    progress.reset();
    file = name;
  };
  events.on_progress = [&](uint64_t done, uint64_t total) {
    if (flags.quiet) return;
    if (!progress) {
      report::ProgressOptions bar = report::stderr_progress();
      bar.done_before = static_cast<int64_t>(done / kMegabyte);
      progress.emplace(fmt::format("pulling {} (MB)", file),
                       static_cast<int64_t>((total + kMegabyte - 1) / kMegabyte), bar);
    }
    progress->update(
        static_cast<int64_t>((done == total ? done + kMegabyte - 1 : done) / kMegabyte));
  };
  events.cancelled = [] { return interrupt_flag().cancelled(); };
  const auto path = hub::pull(*reference, *settings, options, events);
  progress.reset();
  if (!path.ok()) return fail(path.error());
  fmt::print("{}\n", *path);
  return 0;
}

struct ListFlags {
  bool json = false;
};

int run_list(const ListFlags& flags) {
  const auto settings = hub::Settings::of_environment();
  if (!settings.ok()) return fail(settings.error());
  const auto models = hub::stored_models(*settings);
  if (flags.json) {
    auto list = nlohmann::ordered_json::array();
    for (const hub::StoredModel& model : models) {
      list.push_back({{"name", model.name}, {"path", model.path}, {"size_bytes", model.n_bytes}});
    }
    fmt::print(
        "{}\n",
        json_text(nlohmann::ordered_json{{"schema", "whet-ls/1"}, {"models", std::move(list)}}, 2));
    return 0;
  }
  size_t width = 4;
  for (const hub::StoredModel& model : models) width = std::max(width, model.name.size());
  if (models.empty()) {
    print_note(fmt::format("no models in {}, {} or {}", settings->hf_cache, settings->ollama_store,
                           settings->own_store));
    return 0;
  }
  fmt::print("{:<{}}  {:>10}\n", "NAME", width, "SIZE");
  for (const hub::StoredModel& model : models) {
    fmt::print("{:<{}}  {:>10}\n", model.name, width, size_text(model.n_bytes));
  }
  return 0;
}

int run_remove(const std::vector<std::string>& names) {
  const auto settings = hub::Settings::of_environment();
  if (!settings.ok()) return fail(settings.error());
  for (const std::string& name : names) {
    const auto reference = hub::parse_reference(
        hub::is_reference(name) || name.find("://") != name.npos ? name : "ollama:" + name);
    if (!reference.ok()) return fail(reference.error());
    const auto n_freed = hub::remove_stored(*reference, *settings);
    if (!n_freed.ok()) return fail(n_freed.error());
    fmt::print("removed {}: {}\n", reference->text(), size_text(*n_freed));
  }
  return 0;
}

struct PsFlags {
  std::string server;
  bool json = false;
};

int run_ps(const PsFlags& flags) {
  std::string server = flags.server;
  if (!server.starts_with("http://") && !server.starts_with("https://"))
    server = "http://" + server;
  while (server.ends_with('/')) server.pop_back();
  http::Request request{.url = server + "/api/ps"};
  std::string key = endpoint_key(server);
  if (const char* own = std::getenv("WHET_API_KEY"); key.empty() && own != nullptr) key = own;
  if (!key.empty()) request.secrets.emplace_back("Authorization", "Bearer " + key);
  constexpr size_t kLargestBody = size_t{16} << 20;
  std::string body;
  http::Client client;
  const auto reply = client.send(
      request,
      [&](const http::Reply&, std::string_view piece) {
        body += piece;
        return body.size() <= kLargestBody;
      },
      [] { return interrupt_flag().cancelled(); });
  if (!reply.ok())
    return fail(reply.error().with_context("is whet serve or ollama running there?"));
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (reply->status != 200 || !json.is_object() || !json.contains("models") ||
      !json["models"].is_array()) {
    return fail(
        Error(ErrorCode::kIo, fmt::format("{}: expected a list of models, found status {}: {}",
                                          request.url, reply->status, body.substr(0, 200))));
  }
  if (flags.json) {
    fmt::print("{}\n", json_text(json, 2));
    return 0;
  }
  fmt::print("{:<40}  {:>10}  {}\n", "NAME", "SIZE", "UNTIL");
  for (const auto& model : json["models"]) {
    if (!model.is_object()) continue;
    const auto text = [&](const char* name) {
      const auto found = model.find(name);
      return found != model.end() && found->is_string() ? found->get<std::string>() : "";
    };
    const auto size = model.find("size");
    const bool has_size = size != model.end() && size->is_number_unsigned();
    print_answer(fmt::format("{:<40}  {:>10}  {}\n", text("name"),
                             has_size ? size_text(size->get<uint64_t>()) : "-",
                             text("expires_at")));
  }
  return 0;
}

}  // namespace

Command make_pull_command() {
  auto flags = std::make_shared<PullFlags>();
  Command command("pull", "Get a model: from Hugging Face, an Ollama registry or an address");
  command.add("NAME", &flags->name, kNameHelp).required();
  command.add("--sha256", &flags->sha256, "what the file of an address must hash to")
      .value_name("HEX");
  command.add("--connections", &flags->connections, "parts that come at once").between(1, 32);
  command.add("--part-mib", &flags->part_mib, "MiB of a part: what a kill may lose, per connection")
      .between(1, 4096);
  command.add("-q,--quiet", &flags->quiet, "no progress on stderr");
  command.footer(
      "Goes on where a killed pull was. Prints the path. HF_HOME, HF_HUB_CACHE, HF_TOKEN,\n"
      "HF_ENDPOINT, HF_HUB_OFFLINE and OLLAMA_MODELS are honoured; WHET_HUB_HOSTS adds hosts that\n"
      "a download may be redirected to.\n");
  command.action([flags] { return run_pull(*flags); });
  return command;
}

Command make_ls_command() {
  auto flags = std::make_shared<ListFlags>();
  Command command("ls", "List the models on this machine, Hugging Face's and Ollama's too");
  command.add("--json", &flags->json, "names, paths and sizes as JSON");
  command.action([flags] { return run_list(*flags); });
  return command;
}

Command make_rm_command() {
  auto names = std::make_shared<std::vector<std::string>>();
  Command command("rm", "Remove models by the names that whet ls prints");
  command.add("NAME", names.get(), "a model; several may be given").required();
  command.action([names] { return run_remove(*names); });
  return command;
}

Command make_ps_command() {
  auto flags = std::make_shared<PsFlags>();
  flags->server = kDefaultServer;
  Command command("ps", "List the models in the memory of a running server");
  command.add("SERVER", &flags->server, "its address: whet serve, or Ollama");
  command.add("--json", &flags->json, "the server's answer");
  command.action([flags] { return run_ps(*flags); });
  return command;
}

}  // namespace whet
