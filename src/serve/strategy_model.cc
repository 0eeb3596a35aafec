#include "serve/strategy_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/generation.h"
#include "strategy/registry.h"
#include "strategy/strategy.h"

namespace whet::serve {
namespace {

std::string with_hyphens(std::string text) {
  std::ranges::replace(text, '_', '-');
  return text;
}

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
  if (!conversation.tools.empty() || request.samples.size() > 1 || request.grammar != nullptr) {
    return exchange.fail(
        {400, "a strategy takes no tools, no \"n\" above 1 and no grammar", "model"});
  }
  eval::Question question;
  question.messages = conversation.messages;
  strategy::Context context;
  context.cache_scope = request.cache_scope;
  context.sampling = request.samples[0];
  context.seed = request.samples[0].seed;
  context.max_tokens = request.max_tokens;
  context.cancel = &exchange.reply.cancelled();
  if (stream) exchange.reply.expect_events(exchange.headers);
  const auto outcome = (*made)->solve(question, *model.engine, context);
  if (!outcome.ok()) return exchange.fail(api_error(outcome.error()));
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
  Json json{{"id", id},
            {"object", stream ? "chat.completion.chunk" : "chat.completion"},
            {"created", unix_time()},
            {"model", strategy.spec + "-" + model.id},
            {"system_fingerprint", "whet-" + exchange.server.options().version}};
  if (!stream) {
    json["choices"] = {{{"index", 0},
                        {"message", {{"role", "assistant"}, {"content", outcome->text}}},
                        {"logprobs", nullptr},
                        {"finish_reason", finish}}};
    json["usage"] = std::move(usage);
    json["whet"] = std::move(details);
    return exchange.send(200, json);
  }
  // The answer is known only when all is done; then it comes as one piece.
  exchange.reply.begin(200, "text/event-stream", exchange.headers);
  const auto send = [&](Json delta, const Json& finish_reason) {
    json["choices"] = {
        {{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", finish_reason}}};
    exchange.reply.write("data: " + dump(json) + "\n\n");
  };
  send({{"role", "assistant"}, {"content", ""}}, nullptr);
  send({{"content", outcome->text}}, nullptr);
  send(Json::object(), finish);
  json["choices"] = Json::array();
  json["usage"] = std::move(usage);
  json["whet"] = std::move(details);
  exchange.reply.write("data: " + dump(json) + "\n\n");
  exchange.reply.write("data: [DONE]\n\n");
  exchange.reply.end();
}

}  // namespace whet::serve
