#include "serve/strategy_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "serve/generation.h"
#include "serve/watched_generator.h"
#include "strategy/registry.h"
#include "strategy/strategy.h"

namespace whet::serve {
namespace {

std::string with_hyphens(std::string text) {
  std::ranges::replace(text, '_', '-');
  return text;
}

/// The events of a streamed answer: progress after each call, text as it is made where the strategy
/// lets it be read, the whole answer otherwise.
class StrategyStream {
 public:
  StrategyStream(Exchange& exchange, Json head) : exchange_(exchange), head_(std::move(head)) {}

  Continue on_text(const GenerateEvent& event) {
    if (event.text.empty()) return Continue::kYes;
    shown_ += event.text;
    return send({{"content", event.text}}, nullptr) ? Continue::kYes : Continue::kEndRequest;
  }
  void on_call(const GenerateResult& result) {
    ++n_calls_;
    n_tokens_ += completion_tokens(result);
    Json chunk = chunk_of(Json::object(), nullptr);
    chunk["whet"]["progress"] = {{"calls", n_calls_}, {"completion_tokens", n_tokens_}};
    write(chunk);
  }
  void finish(const std::string& text, std::string_view finish, Json usage, Json details) {
    if (!text.starts_with(shown_)) {
      return fail({500, "the strategy chose another text than the one that was streamed"});
    }
    if (text.size() > shown_.size()) send({{"content", text.substr(shown_.size())}}, nullptr);
    send(Json::object(), finish);
    head_["choices"] = Json::array();
    head_["usage"] = std::move(usage);
    head_["whet"] = std::move(details);
    write(head_);
    exchange_.reply.write("data: [DONE]\n\n");
    exchange_.reply.end();
  }
  void fail(const ApiError& error) {
    if (!begun_) return exchange_.fail(error);
    exchange_.reply.write("data: " + Server::error_body("/v1/", error) + "\n\n");
    exchange_.reply.end();
  }

 private:
  Json chunk_of(Json delta, const Json& finish_reason) const {
    Json chunk = head_;
    chunk["choices"] = {
        {{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", finish_reason}}};
    return chunk;
  }
  bool send(Json delta, const Json& finish_reason) {
    return write(chunk_of(std::move(delta), finish_reason));
  }
  bool write(const Json& chunk) {
    if (!std::exchange(begun_, true)) {
      exchange_.reply.begin(200, "text/event-stream", exchange_.headers);
      send({{"role", "assistant"}, {"content", ""}}, nullptr);
    }
    return exchange_.reply.write("data: " + dump(chunk) + "\n\n");
  }

  Exchange& exchange_;
  Json head_;
  std::string shown_;
  int64_t n_calls_ = 0, n_tokens_ = 0;
  bool begun_ = false;
};

}  // namespace

StrategyModel split_strategy(const std::string& model, const std::string& approach) {
  if (!approach.empty() && approach != "none") return {with_hyphens(approach), model};
  constexpr size_t kMaxNameBytes = 256;  // names are tried at each "-", which costs time
  if (model.size() > kMaxNameBytes) return {"", model};
  // The longest name counts: "majority-voting-x" is not the model "voting-x" under "majority".
  for (size_t dash = model.rfind('-'); dash != std::string::npos && dash > 0;
       dash = model.rfind('-', dash - 1)) {
    const auto made = strategy::make_strategy(std::string_view(model).substr(0, dash));
    if (made.ok() && (*made)->kind() == strategy::Kind::kStrategy) {
      return {(*made)->name(), model.substr(dash + 1)};
    }
  }
  return {"", model};
}

std::string take_approach_tag(Conversation& conversation) {
  constexpr std::string_view kOpen = "<optillm_approach>", kClose = "</optillm_approach>";
  for (ChatMessage& message : conversation.messages) {
    if (message.role != "system" && message.role != "user") continue;
    const size_t open = message.content.find(kOpen);
    const size_t close = message.content.find(kClose, open);
    if (open == std::string::npos || close == std::string::npos) continue;
    const size_t begin = open + kOpen.size();
    const std::string approach = message.content.substr(begin, close - begin);
    message.content.erase(open, close + kClose.size() - open);
    return approach;
  }
  return "";
}

void strategy_completion(Exchange& exchange, ServedModel& model, const StrategyModel& strategy,
                         const GenerateRequest& request, bool stream, bool trace,
                         const std::string& id) {
  auto made = strategy::make_strategy(strategy.spec);
  if (!made.ok()) return exchange.fail(api_error(made.error()));
  const auto& conversation = std::get<Conversation>(request.prompt);
  if (conversation.messages.back().role != "user") {
    return exchange.fail({400,
                          "a strategy answers a user's message; expected one at the end, found "
                          "role \"" +
                              conversation.messages.back().role + "\"",
                          "messages"});
  }
  if (!conversation.tools.empty() || request.samples.size() > 1 || request.grammar != nullptr ||
      !request.stop.empty() || request.top_logprobs >= 0 || request.min_tokens > 0 ||
      request.ignore_eos) {
    return exchange.fail(
        {400,
         "a strategy takes no tools, no \"n\" above 1, no grammar, no \"stop\", no "
         "\"logprobs\", no \"min_tokens\" and no \"ignore_eos\"",
         "model"});
  }
  eval::Question question;
  question.messages = conversation.messages;
  strategy::Context context;
  context.cache_scope = request.cache_scope;
  context.sampling = request.samples[0];
  context.seed = request.samples[0].seed;
  context.max_tokens = request.max_tokens;
  context.cancel = &exchange.reply.cancelled();
  Json json{{"id", id},
            {"object", stream ? "chat.completion.chunk" : "chat.completion"},
            {"created", unix_time()},
            {"model", strategy.spec + "-" + model.id},
            {"system_fingerprint", "whet-" + exchange.server.options().version}};
  StrategyStream events(exchange, json);
  WatchedGenerator watched(*model.engine, [&](const GenerateResult& result) {
    if (stream) events.on_call(result);
  });
  if (stream) {
    exchange.reply.expect_events(exchange.headers);
    context.on_event = [&](const GenerateEvent& event) { return events.on_text(event); };
  }
  const auto outcome = (*made)->solve(question, watched, context);
  if (!outcome.ok()) return events.fail(api_error(outcome.error()));
  ++exchange.server.metrics().requests;
  exchange.server.metrics().prompt_tokens += outcome->n_prompt_tok;
  exchange.server.metrics().completion_tokens += outcome->n_completion_tok;

  const strategy::Candidate* chosen = outcome->chosen();
  const std::string_view finish = chosen == nullptr ? "length" : openai_finish(chosen->finish);
  Json usage = usage_json(outcome->n_prompt_tok, 0, outcome->n_completion_tok);
  Json details{{"strategy", (*made)->name()}, {"how", outcome->how}, {"calls", outcome->n_calls}};
  if (trace) {
    Json candidates = Json::array();
    for (const strategy::Candidate& c : outcome->candidates) {
      candidates.push_back({{"stage", c.stage},
                            {"text", c.text},
                            {"chosen", c.chosen},
                            {"eligible", c.eligible},
                            {"reason", c.reason},
                            {"score", c.score ? Json(*c.score) : Json(nullptr)},
                            {"completion_tokens", c.n_completion_tok}});
    }
    details["candidates"] = std::move(candidates);
  }
  if (stream) {
    return events.finish(outcome->text, finish, std::move(usage), std::move(details));
  }
  json["choices"] = {{{"index", 0},
                      {"message", {{"role", "assistant"}, {"content", outcome->text}}},
                      {"logprobs", nullptr},
                      {"finish_reason", finish}}};
  json["usage"] = std::move(usage);
  json["whet"] = std::move(details);
  exchange.send(200, json);
}

}  // namespace whet::serve
