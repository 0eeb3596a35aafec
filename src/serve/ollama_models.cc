#include "serve/ollama_models.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "serve/generation.h"
#include "serve/ollama.h"
#include "serve/ollama_store.h"

namespace whet::serve {
namespace {

std::string modified_at(const std::string& path) {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path, error);
  if (error) return rfc3339_now();
  const auto system = std::chrono::file_clock::to_sys(time);
  return fmt::format(
      "{:%Y-%m-%dT%H:%M:%S}Z",
      fmt::gmtime(std::chrono::system_clock::to_time_t(
          std::chrono::time_point_cast<std::chrono::system_clock::duration>(system))));
}

/// "134.5M", "1.5B".
std::string parameter_size(int64_t n) {
  const auto count = static_cast<double>(n);
  if (n >= 1'000'000'000) return fmt::format("{:.1f}B", count * 1e-9);
  if (n >= 1'000'000) return fmt::format("{:.1f}M", count * 1e-6);
  return fmt::format("{:.1f}K", count * 1e-3);
}

/// What a request gets that gives no options, a line each.
std::string parameters_text(const SamplingDefaults& defaults) {
  return fmt::format("temperature {}\ntop_k {}\ntop_p {}\nmin_p {}",
                     defaults.temperature.value_or(kOllamaTemperature),
                     defaults.top_k.value_or(kOllamaTopK), defaults.top_p.value_or(kOllamaTopP),
                     defaults.min_p.value_or(0));
}

/// The same as Ollama writes down models.
std::string modelfile_text(const std::string& id, const std::string& parameters,
                           const std::string& chat_template) {
  std::string text = fmt::format("FROM {}\nTEMPLATE \"\"\"{}\"\"\"\n", id, chat_template);
  for (size_t begin = 0; begin < parameters.size();) {
    const size_t end = std::min(parameters.find('\n', begin), parameters.size());
    text += "PARAMETER " + parameters.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return text;
}

/// As the file's metadata names it; empty where it does not.
std::string license_of(const ModelFile& file) {
  for (const char* key : {"general.license", "license"}) {
    const auto text = file.get_string(key);
    if (text.ok() && !text->empty()) return *text;
  }
  return "";
}

Json details_of(const ModelSource& source, const ServedModel* model) {
  const bool is_directory = std::filesystem::is_directory(source.path);
  Json details{{"parent_model", ""}, {"format", is_directory ? "safetensors" : "gguf"}};
  if (model != nullptr) {
    const ModelDescription& d = model->engine->describe();
    details["family"] = d.architecture;
    details["families"] = {d.architecture};
    details["parameter_size"] = parameter_size(d.n_parameters);
    details["quantization_level"] = d.type;
    details["context_length"] = d.trained_context;
  }
  return details;
}

}  // namespace

void ollama_tags(Exchange& exchange) {
  Json models = Json::array();
  const auto running = exchange.server.models().running();
  for (const ModelSource& source : exchange.server.models().sources()) {
    const auto loaded =
        std::ranges::find_if(running, [&](const auto& r) { return r.model->id == source.id; });
    const ServedModel* model = loaded == running.end() ? nullptr : loaded->model.get();
    models.push_back({{"name", source.id},
                      {"model", source.id},
                      {"modified_at", modified_at(source.path)},
                      {"size", bytes_on_disk(source.path)},
                      {"digest", exchange.server.digests().find(source.path)},
                      {"details", details_of(source, model)}});
  }
  exchange.send(200, {{"models", std::move(models)}});
}

void ollama_show(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  const std::string name = model_field(fields);
  fields.flag("verbose", false);
  if (!exchange.accept(fields)) return;
  auto model = exchange.server.models().use(name);
  if (!model.ok()) return exchange.fail(ollama_model_error(model.error(), name));
  const Engine& engine = *(*model)->engine;
  const ModelDescription& d = engine.describe();
  Json capabilities = {"completion"};
  for (const char* capability : {"tools", "thinking"}) {
    if (has_capability(engine, capability)) capabilities.push_back(capability);
  }
  const std::string& chat_template = engine.loaded().chat_template_source;
  const std::string parameters = parameters_text(exchange.server.options().sampling);
  exchange.send(200, {{"license", license_of(engine.loaded().file)},
                      {"modelfile", modelfile_text((*model)->id, parameters, chat_template)},
                      {"parameters", parameters},
                      {"template", chat_template},
                      {"details", details_of({(*model)->id, (*model)->path}, model->get())},
                      {"modified_at", modified_at((*model)->path)},
                      {"model_info",
                       {{"general.architecture", d.architecture},
                        {"general.parameter_count", d.n_parameters},
                        {d.architecture + ".context_length", d.trained_context},
                        {d.architecture + ".embedding_length", d.embedding_size},
                        {d.architecture + ".vocab_size", d.vocab_size}}},
                      {"capabilities", std::move(capabilities)}});
}

void ollama_ps(Exchange& exchange) {
  Json models = Json::array();
  for (const ServedModels::Running& running : exchange.server.models().running()) {
    const ServedModel& model = *running.model;
    Json json{{"name", model.id},
              {"model", model.id},
              {"size", model.n_bytes()},
              {"digest", exchange.server.digests().find(model.path)},
              {"details", details_of({model.id, model.path}, &model)},
              {"size_vram", 0},
              {"context_length", model.engine->context()}};
    const auto expires = running.expires.value_or(std::chrono::system_clock::time_point::max());
    json["expires_at"] =
        running.expires ? fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                                      fmt::gmtime(std::chrono::system_clock::to_time_t(expires)))
                        : std::string("2318-01-01T00:00:00Z");  // Ollama's "never"
    models.push_back(std::move(json));
  }
  exchange.send(200, {{"models", std::move(models)}});
}

}  // namespace whet::serve
