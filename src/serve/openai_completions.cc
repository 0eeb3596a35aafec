#include "serve/openai_completions.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/constrained.h"
#include "serve/openai_request.h"
#include "serve/text_inputs.h"

namespace whet::serve {
namespace {

/// Sums up the prompts of one call.
void add_to(std::optional<BaseTokens>& sum, const std::optional<BaseTokens>& counted) {
  if (!counted) return;
  if (!sum) sum.emplace();
  *sum += *counted;
}

constexpr int kMaxLogprobs = 20;
constexpr size_t kMaxCompletionPrompts = 256;
// OpenAI's default of this route.
constexpr int64_t kDefaultMaxTokens = 16;

/// A code point whose bytes several tokens share is counted with the first of them.
int64_t n_code_points_begun(std::string_view bytes) {
  return std::ranges::count_if(bytes, [](char c) { return (c & 0xC0) != 0x80; });
}

/// OpenAI's legacy form; `first_is_null`: the first token begins the prompt. Offsets are in code
/// points, as Python and OpenAI count.
class LegacyLogprobs {
 public:
  void add(std::span<const TokenInfo> tokens, bool first_is_null) {
    for (size_t i = 0; i < tokens.size(); ++i) {
      const TokenInfo& token = tokens[i];
      const bool none = first_is_null && i == 0;
      texts_.push_back(token.bytes);
      logprobs_.push_back(none ? Json(nullptr) : Json(token.logprob));
      Json top = Json::object();
      for (const TokenInfo& other : token.top) top[other.bytes] = other.logprob;
      top_.push_back(none || token.top.empty() ? Json(nullptr) : std::move(top));
      offsets_.push_back(offset_);
      offset_ += n_code_points_begun(token.bytes);
    }
  }
  Json json() const {
    return {{"tokens", texts_},
            {"token_logprobs", logprobs_},
            {"top_logprobs", top_},
            {"text_offset", offsets_}};
  }

 private:
  Json texts_ = Json::array(), logprobs_ = Json::array(), top_ = Json::array(),
       offsets_ = Json::array();
  int64_t offset_ = 0;
};

std::string prompt_text(const Engine& engine, const Prompt& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) return *text;
  const auto& ids = std::get<std::vector<int32_t>>(prompt);
  return engine.tokenizer().decode(ids, true, true);
}

struct CompletionCall : OpenAiCall {
  std::optional<Json> schema;  // that the texts must keep
  std::vector<Prompt> prompts;
  bool echo = false;
  int logprobs = -1;
};

Json choice_json(const CompletionCall& call, size_t index, const GenerateResult& result,
                 const Completion& completion, const std::string& echoed) {
  Json logprobs = nullptr;
  if (call.logprobs >= 0) {
    LegacyLogprobs legacy;
    if (call.echo) legacy.add(result.prompt_tokens, true);
    legacy.add(completion.logprobs, false);
    logprobs = legacy.json();
  }
  return {{"index", index},
          {"text", echoed + completion.text},
          {"logprobs", std::move(logprobs)},
          {"finish_reason", openai_finish(completion.finish)}};
}

Json envelope(Exchange& exchange, const std::string& id, const std::string& model,
              int64_t created) {
  return {{"id", id},
          {"object", "text_completion"},
          {"created", created},
          {"model", model},
          {"system_fingerprint", "whet-" + exchange.server.options().version}};
}

void stream_completions(Exchange& exchange, const CompletionCall& call, ServedModel& model,
                        const std::string& id) {
  exchange.reply.expect_events(exchange.headers);
  const int64_t created = unix_time();
  bool begun = false, ok = true;
  int64_t n_prompt = 0, n_cached = 0, n_completion = 0;
  std::optional<BaseTokens> in_base;
  RunningUsage usage;
  const auto send = [&](Json json) {
    usage.add_to(json);
    if (!std::exchange(begun, true))
      exchange.reply.begin(200, "text/event-stream", exchange.headers);
    ok = ok && exchange.reply.write("data: " + dump(json) + "\n\n");
    return ok ? Continue::kYes : Continue::kEndRequest;
  };
  const size_t n = call.request.samples.size();
  for (size_t p = 0; p < call.prompts.size() && ok; ++p) {
    GenerateRequest request = call.request;
    request.prompt = call.prompts[p];
    if (call.continuous_usage) {
      const auto counted = continuous_usage(*model.engine, request);
      // generate() says what is wrong with a prompt.
      if (counted.ok()) usage = {n_prompt + counted->n_prompt.value_or(0), n_completion};
    }
    if (call.echo) {
      for (size_t i = 0; i < n; ++i) {
        Json json = envelope(exchange, id, model.id, created);
        json["choices"] = {{{"index", p * n + i},
                            {"text", prompt_text(*model.engine, request.prompt)},
                            {"logprobs", nullptr},
                            {"finish_reason", nullptr}}};
        send(std::move(json));
      }
    }
    const auto result = generate(exchange, *model.engine, request, [&](const GenerateEvent& event) {
      Json logprobs = nullptr;
      usage.n_completion += static_cast<int64_t>(event.tokens.size());
      if (!event.tokens.empty() && call.logprobs >= 0) {
        LegacyLogprobs legacy;
        legacy.add(event.tokens, false);
        logprobs = legacy.json();
      }
      Json json = envelope(exchange, id, model.id, created);
      json["choices"] = {
          {{"index", p * n + event.sample},
           {"text", event.text},
           {"logprobs", std::move(logprobs)},
           {"finish_reason", event.finish ? Json(openai_finish(*event.finish)) : Json(nullptr)}}};
      return send(std::move(json));
    });
    if (!result.ok()) {
      const ApiError error = api_error(result.error());
      if (!begun) return exchange.fail(error);
      exchange.reply.write("data: " + Server::error_body("/v1/", error) + "\n\n");
      return exchange.reply.end();
    }
    n_prompt += result->n_prompt_tok;
    n_cached += result->n_cached_tok;
    n_completion += completion_tokens(*result);
    add_to(in_base, base_tokens(*model.engine, request.prompt, *result));
  }
  if (call.include_usage) {
    Json json = envelope(exchange, id, model.id, created);
    json["choices"] = Json::array();
    usage = {};
    json["usage"] = usage_json(n_prompt, n_cached, n_completion);
    add_base_tokens(json["usage"], in_base);
    send(std::move(json));
  }
  if (!begun) exchange.reply.begin(200, "text/event-stream", exchange.headers);
  exchange.reply.write("data: [DONE]\n\n");
  exchange.reply.end();
}

}  // namespace

void completions(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  CompletionCall call;
  static_cast<OpenAiCall&>(call) = read_call(fields, exchange.server);
  for (TextInput& input : read_inputs(fields, "prompt", kMaxCompletionPrompts)) {
    std::visit([&](auto& prompt) { call.prompts.emplace_back(std::move(prompt)); }, input);
  }
  call.echo = fields.flag("echo", false);
  call.logprobs = static_cast<int>(fields.integer("logprobs", -1, 0, kMaxLogprobs));
  if (call.request.max_tokens < 0) call.request.max_tokens = kDefaultMaxTokens;
  call.schema = read_constraint(fields, {}, nullptr, call.request);
  if (!fields.text("suffix", "").empty()) {
    fields.fail("suffix", "nothing: this server does not fill in the middle");
  }
  if (const int64_t best_of = fields.integer("best_of", 1, 1, INT32_MAX);
      best_of > static_cast<int64_t>(call.request.samples.size())) {
    fields.fail("best_of", "at most n; ask for the model best-of-n-NAME instead");
  }
  if (call.stream && call.echo && call.logprobs >= 0) {
    fields.fail("echo", "false where log-probabilities are streamed");
  }
  if (!exchange.accept(fields)) return;
  auto model = exchange.server.models().use(call.model);
  if (!model.ok()) {
    ApiError error = api_error(model.error());
    if (error.status == 404) error.code = "model_not_found";
    return exchange.fail(error);
  }
  call.request.cache_scope = exchange.cache_scope;
  call.request.top_logprobs = call.logprobs;
  if (call.echo) call.request.prompt_logprobs = call.logprobs;
  const std::string id = fmt::format("cmpl-{:x}-{}", unix_time(), exchange.server.next_id());
  if (call.stream) return stream_completions(exchange, call, **model, id);

  Json choices = Json::array();
  int64_t n_prompt = 0, n_cached = 0, n_completion = 0;
  std::optional<BaseTokens> in_base;
  Json timings = nullptr;
  for (const Prompt& prompt : call.prompts) {
    GenerateRequest request = call.request;
    request.prompt = prompt;
    const auto result = generate(exchange, *(*model)->engine, request, nullptr);
    if (!result.ok()) return exchange.fail(api_error(result.error()));
    if (auto broken = check_schema(call.schema, *result)) return exchange.fail(*broken);
    const std::string echoed = call.echo ? prompt_text(*(*model)->engine, prompt) : std::string();
    for (const Completion& c : result->completions) {
      choices.push_back(choice_json(call, choices.size(), *result, c, echoed));
    }
    n_prompt += result->n_prompt_tok;
    n_cached += result->n_cached_tok;
    n_completion += completion_tokens(*result);
    add_to(in_base, base_tokens(*(*model)->engine, prompt, *result));
    timings = timings_json(*result);
  }
  Json json = envelope(exchange, id, (*model)->id, unix_time());
  json["choices"] = std::move(choices);
  json["usage"] = usage_json(n_prompt, n_cached, n_completion);
  add_base_tokens(json["usage"], in_base);
  if (call.prompts.size() == 1) json["timings"] = timings;
  exchange.send(200, json);
}

}  // namespace whet::serve
