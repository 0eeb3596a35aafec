#include "serve/responses.h"

#include <fmt/format.h>

#include "serve/chat_call.h"
#include "serve/constrained.h"
#include "serve/openai_chat.h"
#include "serve/responses_request.h"

namespace whet::serve {
namespace {

/// The response as it grows: items of output, and the events that tell of it.
class Response {
 public:
  /// `asked`: the body of the request, parts of which come back.
  Response(Exchange& exchange, const Json& asked, const ChatCall& call, const std::string& model)
      : exchange_(exchange),
        streams_(call.stream),
        wants_logprobs_(call.request.top_logprobs >= 0) {
    const std::string number = fmt::format("{:x}{:08x}", unix_time(), exchange.server.next_id());
    const auto given = [&](const char* name, Json fallback) {
      return asked.contains(name) && !asked[name].is_null() ? asked[name] : std::move(fallback);
    };
    id_ = number;
    const SamplingParams& sampling = call.request.samples.front();
    json_ = {{"id", "resp_" + number},
             {"object", "response"},
             {"created_at", unix_time()},
             {"status", "in_progress"},
             {"background", false},
             {"error", nullptr},
             {"incomplete_details", nullptr},
             {"instructions", given("instructions", nullptr)},
             {"max_output_tokens", given("max_output_tokens", nullptr)},
             {"model", model},
             {"output", Json::array()},
             {"parallel_tool_calls", given("parallel_tool_calls", true)},
             {"previous_response_id", nullptr},
             {"reasoning", given("reasoning", {{"effort", nullptr}, {"summary", nullptr}})},
             {"store", false},
             {"temperature", sampling.temperature},
             {"text", given("text", {{"format", {{"type", "text"}}}})},
             {"tool_choice", given("tool_choice", "auto")},
             {"tools", given("tools", Json::array())},
             {"top_p", sampling.top_p},
             {"truncation", "disabled"},
             {"usage", nullptr},
             {"user", nullptr},
             {"metadata", given("metadata", Json::object())}};
  }

  const std::string& id() const { return id_; }
  bool begun() const { return begun_; }
  bool ok() const { return ok_; }

  void add(const AnswerSplitter::Pieces& pieces, std::span<const TokenInfo> tokens) {
    begin();
    if (!pieces.reasoning.empty()) add_text("reasoning", "reasoning_text", pieces.reasoning, {});
    if (!pieces.content.empty() || (!tokens.empty() && open_ == "message")) {
      add_text("message", "output_text", pieces.content, tokens);
    }
    for (const ToolCall& call : pieces.calls) add_call(call);
  }

  /// Ends the output; "completed", or "incomplete" where the answer is not whole.
  void finish(FinishReason reason, const GenerateResult& result) {
    begin();
    close_item(reason == FinishReason::kStop ? "completed" : "incomplete");
    const bool whole = reason == FinishReason::kStop;
    json_["status"] = whole ? "completed" : "incomplete";
    if (whole) {
      json_["completed_at"] = unix_time();
    } else {
      json_["incomplete_details"] = {{"reason", "max_output_tokens"}};
    }
    const int64_t n_out = completion_tokens(result);
    json_["usage"] = {{"input_tokens", result.n_prompt_tok},
                      {"input_tokens_details", {{"cached_tokens", result.n_cached_tok}}},
                      {"output_tokens", n_out},
                      {"output_tokens_details", {{"reasoning_tokens", 0}}},
                      {"total_tokens", result.n_prompt_tok + n_out}};
    json_["timings"] = timings_json(result);
    if (!streams_) return exchange_.send(200, json_);
    emit(whole ? "response.completed" : "response.incomplete", {{"response", json_}});
    exchange_.reply.end();
  }

  void fail(const ApiError& error) {
    if (!begun_) return exchange_.fail(error);
    json_["status"] = "failed";
    json_["error"] = {{"code", "server_error"}, {"message", error.message}};
    emit("response.failed", {{"response", json_}});
    exchange_.reply.end();
  }

 private:
  void begin() {
    if (begun_ || !streams_) return;
    begun_ = true;
    Headers headers = exchange_.headers;
    headers.emplace_back("Cache-Control", "no-cache");
    exchange_.reply.begin(200, "text/event-stream", headers);
    emit("response.created", {{"response", json_}});
    emit("response.in_progress", {{"response", json_}});
  }

  void emit(const std::string& type, Json fields) {
    if (!streams_) return;
    Json event{{"type", type}, {"sequence_number", n_events_++}};
    event.update(fields);
    ok_ = ok_ && exchange_.reply.write(fmt::format("event: {}\ndata: {}\n\n", type, dump(event)));
  }

  size_t index() const { return json_["output"].size() - 1; }
  Json& item() { return json_["output"].back(); }
  Json at_item() { return {{"item_id", item()["id"]}, {"output_index", index()}}; }
  Json at_part() {
    Json at = at_item();
    at["content_index"] = 0;
    return at;
  }

  void open_item(const std::string& type, Json started) {
    close_item("completed");
    open_ = type;
    json_["output"].push_back(std::move(started));
    emit("response.output_item.added", {{"output_index", index()}, {"item", item()}});
  }

  std::string new_id(std::string_view prefix) {
    return fmt::format("{}_{}_{}", prefix, id_, json_["output"].size());
  }

  void add_text(const std::string& type, const std::string& part_type, const std::string& text,
                std::span<const TokenInfo> tokens) {
    if (open_ != type) {
      if (type == "message") {
        open_item(type, {{"id", new_id("msg")},
                         {"type", type},
                         {"status", "in_progress"},
                         {"role", "assistant"},
                         {"content", Json::array()}});
      } else {
        open_item(type, {{"id", new_id("rs")},
                         {"type", type},
                         {"status", "in_progress"},
                         {"summary", Json::array()},
                         {"content", Json::array()}});
      }
      Json part{{"type", part_type}, {"text", ""}};
      if (type == "message") {
        part["annotations"] = Json::array();
        part["logprobs"] = Json::array();
      }
      item()["content"].push_back(part);
      Json event = at_part();
      event["part"] = std::move(part);
      emit("response.content_part.added", std::move(event));
    }
    Json& part = item()["content"][0];
    part["text"] = part["text"].get<std::string>() + text;
    Json event = at_part();
    event["delta"] = text;
    if (type == "message") {
      event["logprobs"] = wants_logprobs_ ? chat_logprobs(tokens)["content"] : Json::array();
      for (const Json& entry : event["logprobs"]) part["logprobs"].push_back(entry);
    }
    if (!text.empty()) emit("response." + part_type + ".delta", std::move(event));
  }

  void add_call(const ToolCall& call) {
    open_item("function_call", {{"id", new_id("fc")},
                                {"type", "function_call"},
                                {"status", "in_progress"},
                                {"call_id", call.id},
                                {"name", call.name},
                                {"arguments", ""}});
    item()["arguments"] = call.arguments;
    Json delta = at_item();
    delta["delta"] = call.arguments;
    emit("response.function_call_arguments.delta", std::move(delta));
    Json done = at_item();
    done["name"] = call.name;
    done["arguments"] = call.arguments;
    emit("response.function_call_arguments.done", std::move(done));
  }

  void close_item(std::string_view status) {
    const std::string type = std::exchange(open_, "");
    if (type.empty()) return;
    item()["status"] = status;
    if (type != "function_call") {
      const Json part = item()["content"][0];
      Json text = at_part();
      text["text"] = part["text"];
      if (type == "message") text["logprobs"] = part["logprobs"];
      emit("response." + part["type"].get<std::string>() + ".done", std::move(text));
      Json event = at_part();
      event["part"] = part;
      emit("response.content_part.done", std::move(event));
    }
    emit("response.output_item.done", {{"output_index", index()}, {"item", item()}});
  }

  Exchange& exchange_;
  const bool streams_, wants_logprobs_;
  std::string id_;
  Json json_;
  std::string open_;  // type of the item that goes on; empty = none
  int64_t n_events_ = 0;
  bool begun_ = false, ok_ = true;
};

}  // namespace

void responses(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  const Json chat = responses_as_chat(fields);
  Fields chat_fields(chat);
  const ChatCall call = read_chat(chat_fields, exchange.server);
  // Its own names first: what is wrong there is wrong in the other form too.
  if (chat_fields.error()) fields.fail(*chat_fields.error());
  if (!exchange.accept(fields)) return;
  auto model = exchange.server.models().use(call.model);
  if (!model.ok()) {
    ApiError error = api_error(model.error());
    if (error.status == 404) error.code = "model_not_found";
    return exchange.fail(error);
  }
  Engine& engine = *(*model)->engine;
  if (!engine.describe().has_chat_template) {
    return exchange.fail({400, "the model has no chat template; use /v1/completions", "input"});
  }
  if (!note_moot(exchange, call, engine)) return;
  GenerateRequest request = call.request;
  request.cache_scope = exchange.cache_scope;
  Response response(exchange, body, call, (*model)->id);
  const bool splits = call.splits_reasoning;
  AnswerSplitter splitter(splits, splits && opens_reasoning(engine, request.prompt), call.has_tools,
                          response.id());
  if (call.stream) exchange.reply.expect_events(exchange.headers);
  const auto result = generate(exchange, engine, request, [&](const GenerateEvent& event) {
    AnswerSplitter::Pieces pieces = splitter.push(event.text);
    response.add(pieces, event.tokens);
    if (event.finish) response.add(splitter.flush(), {});
    return response.ok() ? Continue::kYes : Continue::kEndRequest;
  });
  if (!result.ok()) return response.fail(api_error(result.error()));
  if (auto broken = check_schema(call.schema, *result)) return response.fail(*broken);
  response.finish(result->completions.front().finish, *result);
}

}  // namespace whet::serve
