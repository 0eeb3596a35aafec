#include "serve/llama_server.h"

#include <fmt/format.h>

#include "serve/chat_call.h"
#include "serve/constrained.h"
#include "serve/openai_request.h"
#include "token/utf8.h"

namespace whet::serve {
namespace {

/// A piece as text, or as bytes where it is part of a character.
Json piece_json(const std::string& piece) {
  if (valid_utf8_prefix(piece) == piece.size()) return piece;
  Json bytes = Json::array();
  for (const char c : piece) bytes.push_back(static_cast<unsigned char>(c));
  return bytes;
}

}  // namespace

std::shared_ptr<ServedModel> model_or_first(Exchange& exchange, const std::string& name) {
  ServedModels& models = exchange.server.models();
  auto model = models.use(name.empty() ? models.default_id() : name);
  if (model.ok()) return *model;
  exchange.fail(api_error(model.error()));
  return nullptr;
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
  const auto model = model_or_first(exchange, name);
  if (model == nullptr) return;
  const Tokenizer& tokenizer = model->engine->tokenizer();
  const auto ids = tokenizer.encode(content, options);
  if (!ids.ok()) return exchange.fail(api_error(ids.error()));
  Json tokens = Json::array();
  for (TokenId id : *ids) {
    if (with_pieces) {
      tokens.push_back({{"id", id}, {"piece", piece_json(tokenizer.token_bytes(id, true))}});
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
  const auto model = model_or_first(exchange, name);
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
  conversation.continue_last = read_continue_last(fields, conversation);
  if (const Json* tools = read_tools(fields)) conversation.tools = dump(*tools);
  std::string effort;
  conversation.template_arguments = read_template_arguments(fields, exchange.server, effort);
  const std::string name = fields.text("model", "");
  if (!exchange.accept(fields)) return;
  const auto model = model_or_first(exchange, name);
  if (model == nullptr) return;
  const auto parts = model->engine->render_chat(conversation);
  if (!parts.ok()) return exchange.fail(api_error(parts.error()));
  exchange.send(200, {{"prompt", text_of(*parts)}});
}

/// How many tokens a chat's prompt has, in the model that it names.
void llama_count_chat(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  ChatCall call = read_chat(fields, exchange.server);
  if (!exchange.accept(fields)) return;
  const auto model = model_or_first(exchange, call.model);
  if (model == nullptr) return;
  const auto tokens = model->engine->encode_prompt(call.request.prompt);
  if (!tokens.ok()) return exchange.fail(api_error(tokens.error()));
  exchange.send(200, {{"object", "response.input_tokens"}, {"input_tokens", tokens->size()}});
}

void llama_props(Exchange& exchange) {
  const auto model = model_or_first(exchange, "");
  if (model == nullptr) return;
  const Engine& engine = *model->engine;
  const SamplingParams otherwise;
  const SamplingDefaults& own = exchange.server.options().sampling;
  Json params{{"temperature", own.temperature.value_or(otherwise.temperature)},
              {"top_k", own.top_k.value_or(otherwise.top_k)},
              {"top_p", own.top_p.value_or(otherwise.top_p)},
              {"min_p", own.min_p.value_or(otherwise.min_p)},
              {"n_predict", own.max_tokens ? Json(*own.max_tokens) : Json(-1)},
              {"seed", own.seed ? Json(*own.seed) : Json(-1)}};
  exchange.send(200, {{"default_generation_settings",
                       {{"n_ctx", engine.context()}, {"params", std::move(params)}}},
                      {"total_slots", exchange.server.options().n_parallel},
                      {"model_alias", model->id},
                      {"model_path", model->path},
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
