#include "serve/ollama.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "serve/chat_call.h"
#include "serve/constrained.h"
#include "serve/keep_alive.h"
#include "serve/openai_chat.h"
#include "serve/openai_request.h"

namespace whet::serve {
namespace {

using Seconds = ServedModels::Seconds;

void read_options(Fields& fields, const SamplingDefaults& defaults, GenerateRequest& request,
                  std::vector<std::string>& ignored) {
  SamplingParams params;
  static const Json kNone = Json::object();
  const Json* json = fields.value("options");
  if (json != nullptr && !json->is_object()) {
    fields.fail("options", "an object");
    json = nullptr;
  }
  Fields options(json == nullptr ? kNone : *json, "options.");
  params.temperature =
      options.number("temperature", defaults.temperature.value_or(kOllamaTemperature), 0, 100);
  params.top_p = options.number("top_p", defaults.top_p.value_or(kOllamaTopP), 0, 1);
  params.top_k = read_top_k(options, defaults, kOllamaTopK);
  params.min_p = options.number("min_p", defaults.min_p.value_or(0), 0, 1);
  params.repeat_penalty = options.number("repeat_penalty", 1, 0.01, 100);
  params.repeat_last_n = static_cast<int>(options.integer("repeat_last_n", 64, -1, INT32_MAX));
  params.presence_penalty = options.number("presence_penalty", 0, -10, 10);
  params.frequency_penalty = options.number("frequency_penalty", 0, -10, 10);
  params.seed = read_seed(options, defaults);
  // -2 meant "fill the context" in older versions, as -1.
  const int64_t limit = defaults.max_tokens ? static_cast<int64_t>(*defaults.max_tokens) : -1;
  request.max_tokens = std::max<int64_t>(-1, options.integer("num_predict", limit, -2, INT32_MAX));
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
  bool reasoning_opened = false;  // by a prompt that is no conversation any more
  bool gives_context = false;
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

/// The tokens of a prompt and its answer, for the next request to go on from; the end of the turn
/// is not among them, since the next turn begins with it.
Json context_json(const Engine& engine, const Prompt& prompt, const Completion& completion) {
  const auto read = engine.encode_prompt(prompt);
  if (!read.ok()) return Json::array();  // it has just been answered
  std::vector<TokenId> ids = *read;
  ids.insert(ids.end(), completion.tokens.begin(), completion.tokens.end());
  const std::vector<TokenId>& ends = engine.tokenizer().end_of_generation();
  while (!ids.empty() && std::ranges::find(ends, ids.back()) != ends.end()) ids.pop_back();
  return ids;
}

bool is_empty(const Prompt& prompt) {
  if (const auto* conversation = std::get_if<Conversation>(&prompt)) {
    return conversation->messages.empty();
  }
  const auto* text = std::get_if<std::string>(&prompt);
  return text != nullptr && text->empty();
}

void answer(Exchange& exchange, OllamaCall& call) {
  auto model = exchange.server.models().use(call.model, call.keep_alive);
  if (!model.ok()) return exchange.fail(ollama_model_error(model.error(), call.model));
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
  if (is_empty(call.request.prompt)) {
    const bool unloads = call.keep_alive && call.keep_alive->count() == 0;
    if (unloads) exchange.server.models().unload(served.id);
    Json json = ollama_piece(call, name, {});
    json["done"] = true;
    json["done_reason"] = unloads ? "unload" : "load";
    return exchange.send(200, json);
  }
  call.request.cache_scope = exchange.cache_scope;
  const bool opened =
      call.splits_reasoning &&
      (call.reasoning_opened || opens_reasoning(*served.engine, call.request.prompt));
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
    if (call.gives_context) {
      json["context"] =
          context_json(*served.engine, call.request.prompt, result->completions.front());
    }
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
  if (call.gives_context) {
    last["context"] =
        context_json(*served.engine, call.request.prompt, result->completions.front());
  }
  exchange.server.models().release(std::move(*model));
  write(last);
  exchange.reply.end();
}

void read_common(Fields& fields, const Server& server, OllamaCall& call,
                 std::vector<std::string>& ignored) {
  call.model = fields.text("model", "");
  call.stream = fields.flag("stream", true);
  call.keep_alive = read_keep_alive(fields);
  read_options(fields, server.options().sampling, call.request, ignored);
  call.schema = read_ollama_format(fields, call.request);
  // Without "truncate" Ollama would cut a prompt in silence; here a prompt that is too long is an
  // error, so both settings are moot.
  fields.ignore({"truncate", "shift"});
  if (const Json* images = fields.value("images"); images != nullptr && !images->empty()) {
    fields.fail("images", "none: this server reads no images");
  }
}

/// "think": true, false or a level; without it, as the server has it.
std::string think_arguments(Fields& fields, const Server& server, OllamaCall& call) {
  const Json* think = fields.value("think");
  const std::optional<bool> otherwise = server.options().thinks;
  if (think == nullptr) return otherwise ? dump({{"enable_thinking", *otherwise}}) : "";
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

/// "context": the tokens that an earlier answer came with.
std::vector<TokenId> read_context(Fields& fields, bool raw) {
  std::vector<TokenId> ids;
  const Json* json = fields.value("context");
  if (json == nullptr) return ids;
  bool good = json->is_array();
  for (const Json& id : good ? *json : Json::array()) {
    good =
        good && id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() <= INT32_MAX;
    if (good) ids.push_back(id.get<TokenId>());
  }
  if (!good) fields.fail("context", "the array of token ids that an earlier answer came with");
  if (raw && !ids.empty()) fields.fail("context", "nothing beside \"raw\": true");
  return ids;
}

// Stands for what the context holds.
constexpr std::string_view kEarlierAnswer = "(the answer above)";

/// What the template writes between an answer of the assistant and the next one.
Result<std::vector<PromptPart>> next_turn(const Engine& engine, Conversation conversation) {
  conversation.messages = {{.role = "user", .content = "-"},
                           {.role = "assistant", .content = std::string(kEarlierAnswer)},
                           conversation.messages.back()};
  WHET_TRY(std::vector<PromptPart> parts, engine.render_chat(conversation));
  for (auto part = parts.begin(); part != parts.end(); ++part) {
    const size_t found = part->text.find(kEarlierAnswer);
    if (found == std::string::npos) continue;
    part->text.erase(0, found + kEarlierAnswer.size());
    parts.erase(parts.begin(), part);
    return parts;
  }
  return Error(ErrorCode::kInvalidArgument,
               "\"context\": the model's chat template does not print earlier answers; send the "
               "conversation to /api/chat instead");
}

/// The prompt of a request that goes on from `context`.
Status continue_context(const Engine& engine, std::vector<TokenId> context, OllamaCall& call) {
  std::vector<PromptPart> parts;
  if (auto* conversation = std::get_if<Conversation>(&call.request.prompt)) {
    WHET_TRY(parts, next_turn(engine, *conversation));
    call.reasoning_opened = opens_reasoning(engine, call.request.prompt);
  } else {
    parts.push_back({std::get<std::string>(call.request.prompt)});
  }
  WHET_TRY(const std::vector<TokenId> more, engine.tokenizer().encode(parts, /*add_bos=*/false));
  context.insert(context.end(), more.begin(), more.end());
  call.request.prompt = std::move(context);
  return ok_status();
}

bool accept(Exchange& exchange, Fields& fields, const std::vector<std::string>& ignored) {
  if (!ignored.empty()) {
    exchange.headers.emplace_back("x-whet-ignored-options",
                                  fmt::format("{}", fmt::join(ignored, ",")));
  }
  return exchange.accept(fields);
}

}  // namespace

bool has_capability(const Engine& engine, std::string_view name) {
  const std::string_view word = name == "thinking" ? "think" : name;
  return engine.loaded().chat_template_source.find(word) != std::string::npos;
}

ApiError ollama_model_error(const Error& error, std::string_view name) {
  ApiError said = api_error(error);
  if (said.status == 404) said.message = fmt::format("model '{}' not found", name);
  return said;
}

void ollama_chat(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  OllamaCall call;
  call.is_chat = true;
  std::vector<std::string> ignored;
  read_common(fields, exchange.server, call, ignored);
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
  conversation.template_arguments = think_arguments(fields, exchange.server, call);
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
  read_common(fields, exchange.server, call, ignored);
  const std::string prompt = fields.text("prompt", "");
  const std::string system = fields.text("system", "");
  const bool raw = fields.flag("raw", false);
  const std::string arguments = think_arguments(fields, exchange.server, call);
  for (const char* name : {"suffix", "template"}) {
    if (!fields.text(name, "").empty())
      fields.fail(name, "nothing: this server does not support it");
  }
  std::vector<TokenId> context = read_context(fields, raw);
  // The context holds the one that it began with.
  if (!context.empty()) fields.ignore({"system"});
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
  call.gives_context = !raw;
  if (!context.empty() && !prompt.empty()) {
    auto model = exchange.server.models().use(call.model, call.keep_alive);
    if (model.ok()) {  // else answer() says why
      const Status status = continue_context(*(*model)->engine, std::move(context), call);
      if (!status.ok()) return exchange.fail(api_error(status.error()));
    }
  }
  answer(exchange, call);
}

}  // namespace whet::serve
