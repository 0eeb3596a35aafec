// POST /completion: one text or several, each completed once or n times.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "serve/constrained.h"
#include "serve/llama_server.h"
#include "serve/openai_request.h"

namespace whet::serve {
namespace {

constexpr size_t kMaxPrompts = 256;

struct LlamaCall : OpenAiCall {
  std::vector<Json> prompts;  // as they came: texts, or arrays of ids and texts
  std::optional<Json> schema;
  std::vector<std::string> response_fields;
  int n_probs = 0;
  bool returns_tokens = false;
};

bool is_id(const Json& json) {
  return json.is_number_integer() && json.get<int64_t>() >= 0 && json.get<int64_t>() <= INT32_MAX;
}

/// A text, {"prompt_string": text}, or ids with texts between them; null if it is none of these.
Json read_prompt(const Json& json) {
  if (json.is_string()) return json;
  if (json.is_object() && json.size() == 1 && json.contains("prompt_string")) {
    return json["prompt_string"].is_string() ? json["prompt_string"] : Json();
  }
  const bool is_sequence =
      json.is_array() && !json.empty() &&
      std::ranges::all_of(json, [](const Json& part) { return is_id(part) || part.is_string(); });
  return is_sequence ? json : Json();
}

/// One prompt or an array of them: an array that holds an id is one.
std::vector<Json> read_prompts(Fields& fields) {
  const Json* json = fields.value("prompt");
  std::vector<Json> prompts;
  if (json != nullptr) {
    const bool is_list = json->is_array() && std::ranges::none_of(*json, [](const Json& part) {
                           return part.is_number();
                         });
    if (is_list && json->size() <= kMaxPrompts) {
      for (const Json& part : *json) prompts.push_back(read_prompt(part));
    } else if (!is_list) {
      prompts.push_back(read_prompt(*json));
    }
  }
  if (prompts.empty() || std::ranges::count(prompts, Json()) > 0) {
    fields.fail("prompt", fmt::format("a string, an array of token ids and strings, or an array of "
                                      "up to {} of these",
                                      kMaxPrompts));
  }
  return prompts;
}

Result<Prompt> encode(const Tokenizer& tokenizer, const Json& prompt) {
  if (prompt.is_string()) return Prompt(prompt.get<std::string>());
  std::vector<int32_t> ids;
  for (const Json& part : prompt) {
    if (!part.is_string()) {
      ids.push_back(part.get<int32_t>());
      continue;
    }
    EncodeOptions options;
    options.add_special = ids.empty();
    WHET_TRY(const std::vector<TokenId> more, tokenizer.encode(part.get<std::string>(), options));
    ids.insert(ids.end(), more.begin(), more.end());
  }
  return Prompt(std::move(ids));
}

LlamaCall read_completion(Fields& fields, const Server& server) {
  LlamaCall call;
  static_cast<OpenAiCall&>(call) = read_call(fields, server, /*takes_text_bias=*/true);
  call.prompts = read_prompts(fields);
  GenerateRequest& request = call.request;
  // This route keeps llama.cpp's defaults, not OpenAI's.
  SamplingParams params = request.samples.front();
  const SamplingParams defaults;
  const SamplingDefaults& own = server.options().sampling;
  params.temperature =
      fields.number("temperature", own.temperature.value_or(defaults.temperature), 0, 100);
  params.top_p = fields.number("top_p", own.top_p.value_or(defaults.top_p), 0, 1);
  params.top_k = read_top_k(fields, own, defaults.top_k);
  params.min_p = fields.number("min_p", own.min_p.value_or(defaults.min_p), 0, 1);
  const int64_t n = fields.integer("n_cmpl", static_cast<int64_t>(request.samples.size()), 1,
                                   server.options().n_sampled_limit);
  request.samples.assign(static_cast<size_t>(n), params);
  for (size_t i = 0; i < request.samples.size(); ++i) request.samples[i].seed = params.seed + i;
  request.max_tokens = fields.integer("n_predict", request.max_tokens, -1, INT32_MAX);
  call.n_probs = static_cast<int>(fields.integer("n_probs", 0, 0, 100));
  call.returns_tokens = fields.flag("return_tokens", false);
  // The pieces of a stream carry their tokens.
  if (call.n_probs > 0 || call.stream) request.top_logprobs = call.n_probs;
  call.schema = read_constraint(fields, {}, nullptr, request);
  call.response_fields = fields.texts("response_fields");
  fields.ignore({"id_slot", "n_keep", "samplers", "return_progress"});
  return call;
}

Json token_json(const TokenInfo& token) {
  Json bytes = Json::array();
  for (const char c : token.bytes) bytes.push_back(static_cast<unsigned char>(c));
  return {{"id", token.id.value_or(-1)},
          {"token", token.bytes},
          {"bytes", std::move(bytes)},
          {"logprob", token.logprob}};
}

Json probabilities(std::span<const TokenInfo> tokens) {
  Json list = Json::array();
  for (const TokenInfo& token : tokens) {
    Json entry = token_json(token);
    entry["top_logprobs"] = Json::array();
    for (const TokenInfo& other : token.top) entry["top_logprobs"].push_back(token_json(other));
    list.push_back(std::move(entry));
  }
  return list;
}

/// Those of the request, and what it takes to never end; null = never.
Json bias_json(const GenerateRequest& request, const Tokenizer& tokenizer) {
  Json list = Json::array();
  const auto add = [&](TokenId id, double amount) {
    list.push_back({{"token", id}, {"bias", std::isinf(amount) ? Json() : Json(amount)}});
  };
  for (const auto& [id, amount] : request.samples.front().logit_bias) add(id, amount);
  if (request.ignore_eos) {
    for (const TokenId id : tokenizer.end_of_generation()) add(id, -INFINITY);
  }
  return list;
}

Json settings_json(const GenerateRequest& request, const Tokenizer& tokenizer, int n_probs) {
  const SamplingParams& params = request.samples.front();
  return {{"n_predict", request.max_tokens},
          {"seed", params.seed},
          {"temperature", params.temperature},
          {"top_k", params.top_k},
          {"top_p", params.top_p},
          {"min_p", params.min_p},
          {"repeat_penalty", params.repeat_penalty},
          {"repeat_last_n", params.repeat_last_n},
          {"presence_penalty", params.presence_penalty},
          {"frequency_penalty", params.frequency_penalty},
          {"ignore_eos", request.ignore_eos},
          {"logit_bias", bias_json(request, tokenizer)},
          {"stop", request.stop},
          {"n_probs", n_probs}};
}

/// What "response_fields" asks for: members, and members of members as "a/b".
Json chosen_fields(const Json& json, const std::vector<std::string>& paths) {
  if (paths.empty()) return json;
  Json chosen = Json::object();
  for (const std::string& path : paths) {
    const Json* at = &json;
    for (size_t begin = 0; at != nullptr && begin <= path.size();) {
      const size_t end = std::min(path.find('/', begin), path.size());
      const auto member = at->is_object() ? at->find(path.substr(begin, end - begin)) : at->end();
      at = at->is_object() && member != at->end() ? &*member : nullptr;
      begin = end + 1;
    }
    if (at != nullptr) chosen[path] = *at;
  }
  return chosen;
}

/// The last object of completion `i` of a prompt; a streamed one has told its text already.
Json final_json(const LlamaCall& call, const ServedModel& model, const GenerateRequest& request,
                const GenerateResult& result, size_t index, size_t i) {
  const Completion& c = result.completions[i];
  const auto* ids = std::get_if<std::vector<int32_t>>(&request.prompt);
  const std::string prompt = ids == nullptr ? std::get<std::string>(request.prompt)
                                            : model.engine->tokenizer().decode(*ids, true, true);
  const bool has_tokens = call.returns_tokens && !call.stream;
  Json json{
      {"index", index},
      {"content", call.stream ? "" : c.text},
      {"tokens", has_tokens ? Json(c.tokens) : Json::array()},
      {"id_slot", 0},
      {"stop", true},
      {"model", model.id},
      {"tokens_predicted", c.n_completion_tok},
      {"tokens_evaluated", result.n_prompt_tok},
      {"tokens_cached", result.n_cached_tok},
      {"generation_settings", settings_json(request, model.engine->tokenizer(), call.n_probs)},
      {"prompt", prompt},
      {"has_new_line", c.text.find('\n') != std::string::npos},
      {"truncated", false},
      {"stop_type", c.finish != FinishReason::kStop ? "limit"
                    : c.stop.empty()                ? "eos"
                                                    : "word"},
      {"stopping_word", c.stop},
      {"timings", timings_json(result)}};
  if (call.n_probs > 0 && !call.stream)
    json["completion_probabilities"] = probabilities(c.logprobs);
  return chosen_fields(json, call.response_fields);
}

/// The pieces of completion after completion, as events.
class CompletionStream {
 public:
  CompletionStream(Exchange& exchange, const LlamaCall& call) : exchange_(exchange), call_(call) {}

  Continue on_event(const GenerateEvent& event, size_t first_index) {
    if (event.text.empty() && event.tokens.empty()) return Continue::kYes;
    Json ids = Json::array();
    for (const TokenInfo& token : event.tokens) ids.push_back(token.id.value_or(-1));
    Json json{{"index", first_index + event.sample},
              {"content", event.text},
              {"tokens", std::move(ids)},
              {"stop", false}};
    if (call_.n_probs > 0) json["completion_probabilities"] = probabilities(event.tokens);
    return write(json) ? Continue::kYes : Continue::kEndRequest;
  }
  bool write(const Json& json) {
    if (!std::exchange(begun_, true)) {
      exchange_.reply.begin(200, "text/event-stream", exchange_.headers);
    }
    return exchange_.reply.write("data: " + dump(json) + "\n\n");
  }
  void fail(const ApiError& error) {
    if (!begun_) return exchange_.fail(error);
    exchange_.reply.write("data: " + Server::error_body("/completion", error) + "\n\n");
    exchange_.reply.end();
  }

 private:
  Exchange& exchange_;
  const LlamaCall& call_;
  bool begun_ = false;
};

}  // namespace

void llama_completion(Exchange& exchange) {
  Json body;
  if (!exchange.parse(body)) return;
  Fields fields(body);
  LlamaCall call = read_completion(fields, exchange.server);
  if (!exchange.accept(fields)) return;
  const auto model = model_or_first(exchange, call.model);
  if (model == nullptr) return;
  Engine& engine = *model->engine;
  for (const auto& [text, amount] : call.text_bias) {
    const auto ids =
        engine.tokenizer().encode(text, {.add_special = false, .parse_special = false});
    if (!ids.ok()) return exchange.fail(api_error(ids.error()));
    for (SamplingParams& params : call.request.samples) {
      for (const TokenId id : *ids) params.logit_bias.emplace_back(id, amount);
    }
  }
  call.request.cache_scope = exchange.cache_scope;
  if (call.stream) exchange.reply.expect_events(exchange.headers);
  CompletionStream stream(exchange, call);
  const size_t n = call.request.samples.size();
  Json all = Json::array();
  for (size_t p = 0; p < call.prompts.size(); ++p) {
    GenerateRequest request = call.request;
    auto prompt = encode(engine.tokenizer(), call.prompts[p]);
    if (!prompt.ok()) return stream.fail(api_error(prompt.error()));
    request.prompt = std::move(*prompt);
    EventSink sink;
    if (call.stream) sink = [&](const GenerateEvent& e) { return stream.on_event(e, p * n); };
    const auto result = generate(exchange, engine, request, sink);
    if (!result.ok()) return stream.fail(api_error(result.error()));
    if (auto broken = check_schema(call.schema, *result)) return stream.fail(*broken);
    for (size_t i = 0; i < n; ++i) {
      Json json = final_json(call, *model, request, *result, p * n + i, i);
      if (call.stream) {
        stream.write(json);
      } else {
        all.push_back(std::move(json));
      }
    }
  }
  if (call.stream) return exchange.reply.end();
  exchange.send(200, all.size() == 1 ? all[0] : all);
}

}  // namespace whet::serve
