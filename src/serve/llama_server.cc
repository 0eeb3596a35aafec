#include "serve/llama_server.h"

#include <fmt/format.h>

#include "serve/constrained.h"
#include "serve/openai_request.h"

namespace whet::serve {
namespace {

/// The model that a request names, or the first; null and the exchange failed if there is none.
std::shared_ptr<ServedModel> model_of(Exchange& exchange, const std::string& name) {
  ServedModels& models = exchange.server.models();
  auto model = models.use(name.empty() ? models.default_id() : name);
  if (model.ok()) return *model;
  exchange.fail(api_error(model.error()));
  return nullptr;
}

Json probabilities(std::span<const TokenInfo> tokens) {
  Json list = Json::array();
  for (const TokenInfo& token : tokens) {
    Json entry{{"id", token.id.value_or(-1)}, {"token", token.bytes}, {"logprob", token.logprob}};
    for (const TokenInfo& other : token.top) {
      entry["top_logprobs"].push_back(
          {{"id", other.id.value_or(-1)}, {"token", other.bytes}, {"logprob", other.logprob}});
    }
    list.push_back(std::move(entry));
  }
  return list;
}

void read_llama_defaults(Fields& fields, GenerateRequest& request) {
  // This route keeps llama.cpp's defaults, not OpenAI's.
  const SamplingParams defaults;
  for (SamplingParams& params : request.samples) {
    params.temperature = fields.number("temperature", defaults.temperature, 0, 100);
    params.top_p = fields.number("top_p", defaults.top_p, 0, 1);
    params.top_k = static_cast<int>(fields.integer("top_k", defaults.top_k, 0, INT32_MAX));
    params.min_p = fields.number("min_p", defaults.min_p, 0, 1);
  }
}

}  // namespace

void llama_completion(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  OpenAiCall call = read_call(fields, exchange.server);
  GenerateRequest& request = call.request;
  read_llama_defaults(fields, request);
  const Json* prompt = fields.value("prompt");
  if (prompt != nullptr && prompt->is_string()) {
    request.prompt = prompt->get<std::string>();
  } else if (prompt != nullptr && prompt->is_array()) {
    std::vector<int32_t> ids;
    for (const Json& id : *prompt) {
      if (id.is_number_integer()) ids.push_back(id.get<int32_t>());
    }
    if (ids.size() != prompt->size() || ids.empty()) fields.fail("prompt", "a string or token ids");
    request.prompt = std::move(ids);
  } else {
    fields.fail("prompt", "a string or token ids");
  }
  request.max_tokens = fields.integer("n_predict", request.max_tokens, -1, INT32_MAX);
  const auto n_probs = static_cast<int>(fields.integer("n_probs", 0, 0, 100));
  if (n_probs > 0) request.top_logprobs = n_probs;
  read_constraint(fields, {}, nullptr, request);
  fields.ignore({"id_slot", "cache_prompt", "n_keep", "samplers", "return_progress"});
  if (!exchange.accept(fields)) return;
  const auto model = model_of(exchange, call.model);
  if (model == nullptr) return;
  request.cache_scope = exchange.cache_scope;

  const auto final_json = [&](const GenerateResult& result, bool with_text) {
    const Completion& c = result.completions.front();
    Json json{{"index", 0},
              {"content", with_text ? c.text : ""},
              {"tokens", Json::array()},
              {"id_slot", 0},
              {"stop", true},
              {"model", model->id},
              {"tokens_predicted", c.n_completion_tok},
              {"tokens_evaluated", result.n_prompt_tok},
              {"tokens_cached", result.n_cached_tok},
              {"truncated", false},
              {"stop_type", c.finish != FinishReason::kStop ? "limit"
                            : c.stop.empty()                ? "eos"
                                                            : "word"},
              {"stopping_word", c.stop},
              {"timings", timings_json(result)}};
    if (n_probs > 0 && with_text) json["completion_probabilities"] = probabilities(c.logprobs);
    return json;
  };
  if (!call.stream) {
    const auto result = generate(exchange, *model->engine, request, nullptr);
    if (!result.ok()) return exchange.fail(api_error(result.error()));
    return exchange.send(200, final_json(*result, true));
  }
  exchange.reply.expect_events(exchange.headers);
  bool begun = false;
  const auto write = [&](const Json& json) {
    if (!std::exchange(begun, true))
      exchange.reply.begin(200, "text/event-stream", exchange.headers);
    return exchange.reply.write("data: " + dump(json) + "\n\n");
  };
  const auto result = generate(exchange, *model->engine, request, [&](const GenerateEvent& event) {
    if (event.text.empty() && event.tokens.empty()) return Continue::kYes;
    Json json{{"index", event.sample}, {"content", event.text}, {"stop", false}};
    if (n_probs > 0) json["completion_probabilities"] = probabilities(event.tokens);
    return write(json) ? Continue::kYes : Continue::kEndRequest;
  });
  if (!result.ok()) {
    const ApiError error = api_error(result.error());
    if (!begun) return exchange.fail(error);
    exchange.reply.write("data: " + Server::error_body("/completion", error) + "\n\n");
  } else {
    write(final_json(*result, false));
  }
  exchange.reply.end();
}

void llama_tokenize(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  const std::string content = fields.text("content", "");
  EncodeOptions options;
  options.add_special = fields.flag("add_special", false);
  options.parse_special = fields.flag("parse_special", true);
  const bool with_pieces = fields.flag("with_pieces", false);
  const std::string name = fields.text("model", "");
  if (!exchange.accept(fields)) return;
  const auto model = model_of(exchange, name);
  if (model == nullptr) return;
  const Tokenizer& tokenizer = model->engine->tokenizer();
  const auto ids = tokenizer.encode(content, options);
  if (!ids.ok()) return exchange.fail(api_error(ids.error()));
  Json tokens = Json::array();
  for (TokenId id : *ids) {
    if (with_pieces) {
      tokens.push_back({{"id", id}, {"piece", tokenizer.token_bytes(id, true)}});
    } else {
      tokens.push_back(id);
    }
  }
  exchange.send(200, {{"tokens", std::move(tokens)}});
}

void llama_detokenize(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  const Json* tokens = fields.value("tokens");
  const std::string name = fields.text("model", "");
  if (tokens == nullptr || !tokens->is_array()) fields.fail("tokens", "an array of token ids");
  if (!exchange.accept(fields)) return;
  const auto model = model_of(exchange, name);
  if (model == nullptr) return;
  const Tokenizer& tokenizer = model->engine->tokenizer();
  std::vector<TokenId> ids;
  for (const Json& json : *tokens) {
    const int64_t id = json.is_number_integer() ? json.get<int64_t>() : -1;
    if (id < 0 || id >= tokenizer.vocab_size()) {
      return exchange.fail({400,
                            fmt::format("\"tokens\": expected ids from 0 to {}, found {}",
                                        tokenizer.vocab_size() - 1, dump(json)),
                            "tokens"});
    }
    ids.push_back(static_cast<TokenId>(id));
  }
  exchange.send(200, {{"content", tokenizer.decode(ids, true, false)}});
}

void llama_apply_template(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  Conversation conversation;
  conversation.messages = read_messages(fields, "messages");
  if (const Json* tools = fields.value("tools")) conversation.tools = dump(*tools);
  if (const Json* more = fields.value("chat_template_kwargs")) {
    conversation.template_arguments = dump(*more);
  }
  const std::string name = fields.text("model", "");
  if (!exchange.accept(fields)) return;
  const auto model = model_of(exchange, name);
  if (model == nullptr) return;
  const auto parts = model->engine->render_chat(conversation);
  if (!parts.ok()) return exchange.fail(api_error(parts.error()));
  exchange.send(200, {{"prompt", text_of(*parts)}});
}

void llama_props(Exchange& exchange) {
  const auto model = model_of(exchange, "");
  if (model == nullptr) return;
  const Engine& engine = *model->engine;
  const SamplingParams defaults;
  exchange.send(200, {{"default_generation_settings",
                       {{"n_ctx", engine.context()},
                        {"params",
                         {{"temperature", defaults.temperature},
                          {"top_k", defaults.top_k},
                          {"top_p", defaults.top_p},
                          {"min_p", defaults.min_p}}}}},
                      {"total_slots", 1},
                      {"model_alias", model->id},
                      {"chat_template", engine.loaded().chat_template_source},
                      {"build_info", "whet-" + exchange.server.options().version},
                      {"modalities", {{"vision", false}, {"audio", false}}}});
}

void llama_slots(Exchange& exchange) {
  Json slots = Json::array();
  for (const ServedModels::Running& running : exchange.server.models().running()) {
    const EngineLoad load = running.model->engine->load();
    slots.push_back({{"id", slots.size()},
                     {"model", running.model->id},
                     {"n_ctx", running.model->engine->context()},
                     {"is_processing", load.n_running > 0},
                     {"n_running", load.n_running},
                     {"n_waiting", load.n_waiting}});
  }
  exchange.send(200, slots);
}

}  // namespace whet::serve
