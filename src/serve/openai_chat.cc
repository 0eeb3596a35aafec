#include "serve/openai_chat.h"

#include <fmt/format.h>

#include "serve/chat_call.h"
#include "serve/constrained.h"
#include "serve/strategy_model.h"

namespace whet::serve {
namespace {

Json logprob_json(const TokenInfo& token) {
  Json bytes = Json::array();
  for (unsigned char c : token.bytes) bytes.push_back(c);
  return {{"token", token.bytes}, {"logprob", token.logprob}, {"bytes", std::move(bytes)}};
}

Json calls_json(const std::vector<ToolCall>& calls, size_t first, bool indexed) {
  Json list = Json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    Json call;
    if (indexed) call["index"] = first + i;
    call["id"] = calls[i].id;
    call["type"] = "function";
    call["function"] = {{"name", calls[i].name}, {"arguments", calls[i].arguments}};
    list.push_back(std::move(call));
  }
  return list;
}

/// Writes chunks of one stream.
class ChatStream {
 public:
  ChatStream(Exchange& exchange, const ChatCall& call, const std::string& model, std::string id,
             bool reasoning_opened, RunningUsage usage)
      : exchange_(exchange),
        call_(call),
        model_(model),
        id_(std::move(id)),
        created_(unix_time()),
        usage_(usage) {
    for (size_t i = 0; i < call.request.samples.size(); ++i) {
      splitters_.emplace_back(call.splits_reasoning, reasoning_opened, call.has_tools,
                              fmt::format("{}_{}", id_.substr(9), i));
    }
    n_calls_.resize(call.request.samples.size());
  }

  Continue on_event(const GenerateEvent& event) {
    if (!begun_) begin();
    AnswerSplitter& splitter = splitters_[event.sample];
    AnswerSplitter::Pieces pieces = splitter.push(event.text);
    usage_.n_completion += static_cast<int64_t>(event.tokens.size());
    const auto tokens = call_.wants_logprobs ? event.tokens : std::span<const TokenInfo>();
    bool ok = true;
    if (!pieces.empty() || !tokens.empty()) ok = send_delta(event.sample, pieces, tokens);
    if (ok && event.finish) {
      pieces = splitter.flush();
      if (!pieces.empty()) ok = send_delta(event.sample, pieces, {});
      const bool called = n_calls_[event.sample] > 0 && *event.finish == FinishReason::kStop;
      ok = ok && send(chunk(event.sample, Json::object(),
                            called ? "tool_calls" : openai_finish(*event.finish)));
    }
    return ok ? Continue::kYes : Continue::kEndRequest;
  }

  void finish(const Engine& engine, const Result<GenerateResult>& result) {
    if (!result.ok()) {
      const ApiError error = api_error(result.error());
      if (!begun_) return exchange_.fail(error);
      write("data: " + Server::error_body("/v1/", error) + "\n\n");
      return exchange_.reply.end();
    }
    if (!begun_) begin();
    if (call_.include_usage) {
      Json usage = chunk_base();
      usage["choices"] = Json::array();
      usage["usage"] =
          usage_json(result->n_prompt_tok, result->n_cached_tok, completion_tokens(*result));
      add_base_tokens(usage["usage"], base_tokens(engine, call_.request.prompt, *result));
      usage["timings"] = timings_json(*result);
      send(usage);
    }
    write("data: [DONE]\n\n");
    exchange_.reply.end();
  }

 private:
  void begin() {
    begun_ = true;
    Headers headers = exchange_.headers;
    headers.emplace_back("Cache-Control", "no-cache");
    exchange_.reply.begin(200, "text/event-stream", headers);
    for (size_t i = 0; i < splitters_.size(); ++i) {
      send(chunk(i, {{"role", "assistant"}, {"content", ""}}, ""));
    }
  }

  bool send_delta(size_t sample, const AnswerSplitter::Pieces& pieces,
                  std::span<const TokenInfo> tokens) {
    Json delta = Json::object();
    if (!pieces.reasoning.empty()) delta["reasoning_content"] = pieces.reasoning;
    if (!pieces.content.empty()) delta["content"] = pieces.content;
    if (!pieces.calls.empty()) {
      delta["tool_calls"] = calls_json(pieces.calls, n_calls_[sample], true);
      n_calls_[sample] += pieces.calls.size();
    }
    Json json = chunk(sample, std::move(delta), "");
    if (!tokens.empty()) json["choices"][0]["logprobs"] = chat_logprobs(tokens);
    return send(json);
  }

  Json chunk_base() const {
    return {{"id", id_},
            {"object", "chat.completion.chunk"},
            {"created", created_},
            {"model", model_},
            {"system_fingerprint", "whet-" + exchange_.server.options().version}};
  }

  Json chunk(size_t sample, Json delta, std::string_view finish) const {
    Json json = chunk_base();
    json["choices"] = {{{"index", sample},
                        {"delta", std::move(delta)},
                        {"logprobs", nullptr},
                        {"finish_reason", finish.empty() ? Json(nullptr) : Json(finish)}}};
    usage_.add_to(json);
    return json;
  }

  bool send(const Json& json) { return write("data: " + dump(json) + "\n\n"); }
  bool write(const std::string& text) { return exchange_.reply.write(text); }

  Exchange& exchange_;
  const ChatCall& call_;
  const std::string& model_;
  std::string id_;
  int64_t created_;
  std::vector<AnswerSplitter> splitters_;
  std::vector<size_t> n_calls_;
  RunningUsage usage_;
  bool begun_ = false;
};

Json message_json(AnswerSplitter& splitter, const std::string& text, bool& called) {
  AnswerSplitter::Pieces pieces = splitter.push(text);
  AnswerSplitter::Pieces rest = splitter.flush();
  pieces.reasoning += rest.reasoning;
  pieces.content += rest.content;
  pieces.calls.insert(pieces.calls.end(), rest.calls.begin(), rest.calls.end());
  called = !pieces.calls.empty();
  Json message{{"role", "assistant"}};
  message["content"] = called && pieces.content.empty() ? Json(nullptr) : Json(pieces.content);
  if (!pieces.reasoning.empty()) message["reasoning_content"] = pieces.reasoning;
  if (called) message["tool_calls"] = calls_json(pieces.calls, 0, false);
  return message;
}

}  // namespace

Json chat_logprobs(std::span<const TokenInfo> tokens) {
  Json content = Json::array();
  for (const TokenInfo& token : tokens) {
    Json entry = logprob_json(token);
    entry["top_logprobs"] = Json::array();
    for (const TokenInfo& other : token.top) entry["top_logprobs"].push_back(logprob_json(other));
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

void chat_completions(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  ChatCall call = read_chat(fields, exchange.server);
  std::string approach = fields.text("optillm_approach", "");
  if (approach.empty()) approach = take_approach_tag(call.request.conversation());
  // A model that is called like a strategy is that model.
  const bool is_model = approach.empty() && exchange.server.models().find(call.model).has_value();
  const StrategyModel strategy =
      is_model ? StrategyModel{"", call.model} : split_strategy(call.model, approach);
  const bool wants_trace = fields.flag("whet_trace", false);
  if (!exchange.accept(fields)) return;
  auto model = exchange.server.models().use(strategy.model);
  if (!model.ok()) {
    ApiError error = api_error(model.error());
    if (error.status == 404) error.code = "model_not_found";
    return exchange.fail(error);
  }
  Engine& engine = *(*model)->engine;
  if (!engine.describe().has_chat_template) {
    return exchange.fail({400, "the model has no chat template; use /v1/completions", "messages"});
  }
  call.request.cache_scope = exchange.cache_scope;
  const std::string id = fmt::format("chatcmpl-{:x}-{}", unix_time(), exchange.server.next_id());
  if (!strategy.spec.empty()) {
    return strategy_completion(exchange, **model, strategy, call.request, call.stream, wants_trace,
                               id);
  }
  if (!note_moot(exchange, call, engine)) return;
  const bool opened = call.splits_reasoning && opens_reasoning(engine, call.request.prompt);
  if (call.stream) {
    RunningUsage usage;
    if (call.continuous_usage) {
      const auto counted = continuous_usage(engine, call.request);
      if (!counted.ok()) return exchange.fail(api_error(counted.error()));
      usage = *counted;
    }
    exchange.reply.expect_events(exchange.headers);
    ChatStream stream(exchange, call, (*model)->id, id, opened, usage);
    const auto result = generate(exchange, engine, call.request, [&](const GenerateEvent& event) {
      return stream.on_event(event);
    });
    return stream.finish(engine, result);
  }
  const auto result = generate(exchange, engine, call.request, nullptr);
  if (!result.ok()) return exchange.fail(api_error(result.error()));
  if (auto broken = check_schema(call.schema, *result)) return exchange.fail(*broken);
  Json choices = Json::array();
  for (size_t i = 0; i < result->completions.size(); ++i) {
    const Completion& c = result->completions[i];
    AnswerSplitter splitter(call.splits_reasoning, opened, call.has_tools,
                            fmt::format("{}_{}", id.substr(9), i));
    bool called = false;
    Json message = message_json(splitter, c.text, called);
    choices.push_back(
        {{"index", i},
         {"message", std::move(message)},
         {"logprobs", call.wants_logprobs ? chat_logprobs(c.logprobs) : Json(nullptr)},
         {"finish_reason",
          called && c.finish == FinishReason::kStop ? "tool_calls" : openai_finish(c.finish)}});
  }
  Json usage = usage_json(result->n_prompt_tok, result->n_cached_tok, completion_tokens(*result));
  add_base_tokens(usage, base_tokens(engine, call.request.prompt, *result));
  exchange.send(200, {{"id", id},
                      {"object", "chat.completion"},
                      {"created", unix_time()},
                      {"model", (*model)->id},
                      {"system_fingerprint", "whet-" + exchange.server.options().version},
                      {"choices", std::move(choices)},
                      {"usage", std::move(usage)},
                      {"timings", timings_json(*result)}});
}

}  // namespace whet::serve
