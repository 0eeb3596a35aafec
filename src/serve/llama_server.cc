#include "serve/llama_server.h"

#include <fmt/format.h>

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
  if (const Json* tools = read_tools(fields)) conversation.tools = dump(*tools);
  if (const Json* more = fields.value("chat_template_kwargs")) {
    conversation.template_arguments = dump(*more);
  }
  const std::string name = fields.text("model", "");
  if (!exchange.accept(fields)) return;
  const auto model = model_or_first(exchange, name);
  if (model == nullptr) return;
  const auto parts = model->engine->render_chat(conversation);
  if (!parts.ok()) return exchange.fail(api_error(parts.error()));
  exchange.send(200, {{"prompt", text_of(*parts)}});
}

void llama_props(Exchange& exchange) {
  const auto model = model_or_first(exchange, "");
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
