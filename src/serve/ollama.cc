#include "serve/ollama.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <utility>

#include "base/clock.h"
#include "serve/chat_call.h"
#include "serve/constrained.h"
#include "serve/keep_alive.h"
#include "serve/ollama_store.h"
#include "serve/openai_chat.h"
#include "serve/openai_request.h"

namespace whet::serve {
namespace {

using Seconds = ServedModels::Seconds;

void read_options(Fields& fields, GenerateRequest& request, std::vector<std::string>& ignored) {
  SamplingParams params;
  params.temperature = 0.8;
  params.top_p = 0.9;
  params.min_p = 0;
  static const Json kNone = Json::object();
  const Json* json = fields.value("options");
  if (json != nullptr && !json->is_object()) {
    fields.fail("options", "an object");
    json = nullptr;
  }
  Fields options(json == nullptr ? kNone : *json, "options.");
  params.temperature = options.number("temperature", params.temperature, 0, 100);
  params.top_p = options.number("top_p", params.top_p, 0, 1);
  params.top_k = static_cast<int>(options.integer("top_k", 40, 0, INT32_MAX));
  params.min_p = options.number("min_p", 0, 0, 1);
  params.repeat_penalty = options.number("repeat_penalty", 1, 0.01, 100);
  params.repeat_last_n = static_cast<int>(options.integer("repeat_last_n", 64, -1, INT32_MAX));
  params.presence_penalty = options.number("presence_penalty", 0, -10, 10);
  params.frequency_penalty = options.number("frequency_penalty", 0, -10, 10);
  const int64_t seed = options.integer("seed", -1, INT64_MIN, INT64_MAX);
  std::random_device device;
  params.seed = seed >= 0 ? static_cast<uint64_t>(seed) : (uint64_t{device()} << 32) ^ device();
  // -2 meant "fill the context" in older versions, as -1.
  request.max_tokens = std::max<int64_t>(-1, options.integer("num_predict", -1, -2, INT32_MAX));
  request.stop = options.texts("stop");
  std::erase(request.stop, "");
  options.ignore({"num_ctx", "num_keep", "num_batch", "num_gpu", "main_gpu", "use_mmap",
                  "use_mlock", "num_thread", "numa", "low_vram", "vocab_only",
                  "draft_num_predict"});
  if (options.error()) fields.fail(*options.error());
  for (std::string& name : options.ignored()) ignored.push_back(std::move(name));
  request.samples.assign(1, params);
  const bool logprobs = fields.flag("logprobs", false);
  const auto top = static_cast<int>(fields.integer("top_logprobs", 0, 0, 20));
  if (logprobs) request.top_logprobs = top;
}

/// The schema that the answer must keep, if there is one.
std::optional<Json> read_ollama_format(Fields& fields, GenerateRequest& request) {
  const Json* format = fields.value("format");
  if (format == nullptr || *format == "") return std::nullopt;
  if (format->is_string() && *format != "json") {
    fields.fail("format", "\"json\" or a JSON schema");
    return std::nullopt;
  }
  hold_to_schema(fields, "format", *format, request);
  return format->is_string() ? std::nullopt : std::optional<Json>(*format);
}

Json logprobs_json(std::span<const TokenInfo> tokens) {
  return chat_logprobs(tokens)["content"];
}

/// The figures of the last object.
void add_figures(Json& json, const GenerateResult& r, int64_t load_ns) {
  json["done"] = true;
  json["done_reason"] = openai_finish(r.completions.front().finish);
  json["total_duration"] = r.end_ns - r.start_ns + load_ns;
  json["load_duration"] = load_ns;
  json["prompt_eval_count"] = r.n_prompt_tok;
  json["prompt_eval_duration"] = r.prefill_end_ns > 0 ? r.prefill_end_ns - r.start_ns : 0;
  json["eval_count"] = completion_tokens(r);
  json["eval_duration"] = r.first_token_ns > 0 ? r.end_ns - r.prefill_end_ns : 0;
}

Json calls_json(const std::vector<ToolCall>& calls) {
  Json list = Json::array();
  for (const ToolCall& call : calls) {
    Json arguments = Json::parse(call.arguments, nullptr, false);
    if (!arguments.is_object()) arguments = Json::object();
    list.push_back({{"id", call.id},
                    {"function", {{"name", call.name}, {"arguments", std::move(arguments)}}}});
  }
  return list;
}

/// What /api/chat and /api/generate do alike.
struct OllamaCall {
  int64_t start_ns = monotonic_ns();  // from here to the loaded model is "load_duration"
  GenerateRequest request;
  std::string model;
  bool stream = true, is_chat = false, has_tools = false;
  bool splits_reasoning = true;
  bool must_think = false;
  std::optional<Json> schema;
  std::optional<Seconds> keep_alive;
};

Json ollama_piece(const OllamaCall& call, const std::string& model,
                  const AnswerSplitter::Pieces& pieces) {
  Json json{{"model", model}, {"created_at", rfc3339_now()}};
  if (call.is_chat) {
    Json message{{"role", "assistant"}, {"content", pieces.content}};
    if (!pieces.reasoning.empty()) message["thinking"] = pieces.reasoning;
    if (!pieces.calls.empty()) message["tool_calls"] = calls_json(pieces.calls);
    json["message"] = std::move(message);
  } else {
    json["response"] = pieces.content;
    if (!pieces.reasoning.empty()) json["thinking"] = pieces.reasoning;
  }
  json["done"] = false;
  return json;
}

void add(AnswerSplitter::Pieces& all, AnswerSplitter::Pieces more) {
  all.reasoning += more.reasoning;
  all.content += more.content;
  all.calls.insert(all.calls.end(), more.calls.begin(), more.calls.end());
}

/// "tools" or "thinking": the model's chat template knows of it.
bool has_capability(const Engine& engine, std::string_view name) {
  const std::string_view word = name == "thinking" ? "think" : name;
  return engine.loaded().chat_template_source.find(word) != std::string::npos;
}

void answer(Exchange& exchange, OllamaCall& call) {
  auto model = exchange.server.models().use(call.model, call.keep_alive);
  if (!model.ok()) {
    ApiError error = api_error(model.error());
    if (error.status == 404) error.message = fmt::format("model '{}' not found", call.model);
    return exchange.fail(error);
  }
  ServedModel& served = **model;
  for (const auto& [wanted, capability] :
       {std::pair(call.has_tools, "tools"), std::pair(call.must_think, "thinking")}) {
    if (wanted && !has_capability(*served.engine, capability)) {
      return exchange.fail(
          {400, fmt::format("\"{}\" does not support {}", call.model, capability)});
    }
  }
  const int64_t load_ns = monotonic_ns() - call.start_ns;
  const std::string name = call.model;
  // An empty request loads the model, or unloads it.
  const auto* conversation = std::get_if<Conversation>(&call.request.prompt);
  const bool nothing = conversation != nullptr ? conversation->messages.empty()
                                               : std::get<std::string>(call.request.prompt).empty();
  if (nothing) {
    const bool unloads = call.keep_alive && call.keep_alive->count() == 0;
    if (unloads) exchange.server.models().unload(served.id);
    Json json = ollama_piece(call, name, {});
    json["done"] = true;
    json["done_reason"] = unloads ? "unload" : "load";
    return exchange.send(200, json);
  }
  call.request.cache_scope = exchange.cache_scope;
  bool opened = false;
  if (conversation != nullptr && call.splits_reasoning) {
    opened = opens_reasoning(*served.engine, call.request.prompt);
  }
  AnswerSplitter splitter(call.splits_reasoning, opened, call.has_tools,
                          std::to_string(exchange.server.next_id()));
  if (!call.stream) {
    const auto result = generate(exchange, *served.engine, call.request, nullptr);
    if (!result.ok()) return exchange.fail(api_error(result.error()));
    if (auto broken = check_schema(call.schema, *result)) return exchange.fail(*broken);
    AnswerSplitter::Pieces pieces = splitter.push(result->completions.front().text);
    add(pieces, splitter.flush());
    Json json = ollama_piece(call, name, pieces);
    if (call.request.top_logprobs >= 0) {
      json["logprobs"] = logprobs_json(result->completions.front().logprobs);
    }
    add_figures(json, *result, load_ns);
    exchange.server.models().release(std::move(*model));
    return exchange.send(200, json);
  }
  bool begun = false;
  const auto write = [&](const Json& json) {
    if (!std::exchange(begun, true)) {
      exchange.reply.begin(200, "application/x-ndjson", exchange.headers);
    }
    return exchange.reply.write(dump(json) + "\n") ? Continue::kYes : Continue::kEndRequest;
  };
  const auto result =
      generate(exchange, *served.engine, call.request, [&](const GenerateEvent& event) {
        AnswerSplitter::Pieces pieces = splitter.push(event.text);
        if (event.finish) add(pieces, splitter.flush());
        if (pieces.empty() && event.tokens.empty()) return Continue::kYes;
        Json json = ollama_piece(call, name, pieces);
        if (!event.tokens.empty()) json["logprobs"] = logprobs_json(event.tokens);
        return write(json);
      });
  if (!result.ok()) {
    const ApiError error = api_error(result.error());
    if (!begun) return exchange.fail(error);
    exchange.reply.write(Server::error_body("/api/", error) + "\n");
    return exchange.reply.end();
  }
  Json last = ollama_piece(call, name, {});
  add_figures(last, *result, load_ns);
  exchange.server.models().release(std::move(*model));
  write(last);
  exchange.reply.end();
}

void read_common(Fields& fields, OllamaCall& call, std::vector<std::string>& ignored) {
  call.model = fields.text("model", "");
  call.stream = fields.flag("stream", true);
  call.keep_alive = read_keep_alive(fields);
  read_options(fields, call.request, ignored);
  call.schema = read_ollama_format(fields, call.request);
  // Without "truncate" Ollama would cut a prompt in silence; here a prompt that is too long is an
  // error, so both settings are moot.
  fields.ignore({"truncate", "shift"});
  if (const Json* images = fields.value("images"); images != nullptr && !images->empty()) {
    fields.fail("images", "none: this server reads no images");
  }
}

/// "think": true, false or a level.
std::string think_arguments(Fields& fields, OllamaCall& call) {
  const Json* think = fields.value("think");
  if (think == nullptr) return "";
  if (think->is_boolean()) {
    call.must_think = think->get<bool>();
    return dump({{"enable_thinking", call.must_think}});
  }
  for (const char* level : {"low", "medium", "high", "max"}) {
    if (*think != level) continue;
    call.must_think = true;
    return dump({{"enable_thinking", true}, {"reasoning_effort", level}});
  }
  fields.fail("think", "true, false, \"low\", \"medium\", \"high\" or \"max\"");
  return "";
}

bool accept(Exchange& exchange, Fields& fields, const std::vector<std::string>& ignored) {
  if (!ignored.empty()) {
    exchange.headers.emplace_back("x-whet-ignored-options",
                                  fmt::format("{}", fmt::join(ignored, ",")));
  }
  return exchange.accept(fields);
}

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

void ollama_chat(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  OllamaCall call;
  call.is_chat = true;
  std::vector<std::string> ignored;
  read_common(fields, call, ignored);
  Conversation conversation;
  const Json* messages = fields.value("messages");
  if (messages != nullptr && messages->is_array() && !messages->empty()) {
    conversation.messages = read_messages(fields, "messages", /*any_case=*/true);
  }
  conversation.continue_last =
      !conversation.messages.empty() && conversation.messages.back().role == "assistant";
  if (const Json* tools = read_tools(fields)) {
    call.has_tools = true;
    conversation.tools = dump(*tools);
  }
  conversation.template_arguments = think_arguments(fields, call);
  call.request.prompt = std::move(conversation);
  if (!accept(exchange, fields, ignored)) return;
  answer(exchange, call);
}

void ollama_generate(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  OllamaCall call;
  std::vector<std::string> ignored;
  read_common(fields, call, ignored);
  const std::string prompt = fields.text("prompt", "");
  const std::string system = fields.text("system", "");
  const bool raw = fields.flag("raw", false);
  const std::string arguments = think_arguments(fields, call);
  for (const char* name : {"suffix", "template"}) {
    if (!fields.text(name, "").empty())
      fields.fail(name, "nothing: this server does not support it");
  }
  if (fields.value("context") != nullptr) {
    fields.fail("context", "nothing: send the conversation to /api/chat instead");
  }
  if (!accept(exchange, fields, ignored)) return;
  const auto source = exchange.server.models().find(call.model);
  bool has_template = false;
  if (source) {
    auto model = exchange.server.models().use(call.model, call.keep_alive);
    has_template = model.ok() && (*model)->engine->describe().has_chat_template;
  }
  if (raw || !has_template || prompt.empty()) {
    call.request.prompt = prompt;
    call.splits_reasoning = false;
  } else {
    auto& messages = call.request.conversation().messages;
    if (!system.empty()) messages.push_back({.role = "system", .content = system});
    messages.push_back({.role = "user", .content = prompt});
    call.request.conversation().template_arguments = arguments;
  }
  answer(exchange, call);
}

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
                      {"digest", ""},
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
  if (!model.ok()) {
    ApiError error = api_error(model.error());
    if (error.status == 404) error.message = fmt::format("model '{}' not found", name);
    return exchange.fail(error);
  }
  const Engine& engine = *(*model)->engine;
  const ModelDescription& d = engine.describe();
  Json capabilities = {"completion"};
  for (const char* capability : {"tools", "thinking"}) {
    if (has_capability(engine, capability)) capabilities.push_back(capability);
  }
  exchange.send(200, {{"modelfile", ""},
                      {"parameters", ""},
                      {"template", engine.loaded().chat_template_source},
                      {"details", details_of({(*model)->id, (*model)->path}, model->get())},
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
              {"digest", ""},
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
