#include "remote/openai_wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "remote/wire_json.h"

namespace whet::remote {
namespace {

using Body = nlohmann::ordered_json;

Error cannot(const Abilities& abilities, std::string_view what) {
  return Error(ErrorCode::kUnavailable,
               fmt::format("{}: {} cannot be asked for it", what, engine_name(abilities.engine)));
}

bool is_llama_like(EngineKind kind) {
  return kind == EngineKind::kWhet || kind == EngineKind::kLlamaServer;
}
Result<Body> messages_json(const Conversation& conversation) {
  Body messages = Body::array();
  for (const ChatMessage& message : conversation.messages) {
    Body json{{"role", message.role}, {"content", message.content}};
    if (!message.reasoning.empty()) json["reasoning_content"] = message.reasoning;
    if (!message.name.empty()) json["name"] = message.name;
    if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
    for (const ToolCall& call : message.tool_calls) {
      json["tool_calls"].push_back(
          {{"id", call.id},
           {"type", "function"},
           {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
    }
    messages.push_back(std::move(json));
  }
  return messages;
}

Status add_sampling(Body& body, const SamplingParams& params, const Abilities& abilities) {
  const EngineKind engine = abilities.engine;
  body["temperature"] = params.temperature;
  body["top_p"] = params.top_p;
  // whet and vLLM take 63 bits, others 31.
  const bool wide = engine == EngineKind::kWhet || engine == EngineKind::kVllm;
  body["seed"] = wide ? params.seed & std::numeric_limits<int64_t>::max()
                      : (params.seed ^ params.seed >> 32) & 0x7fffffff;
  if (params.presence_penalty != 0) body["presence_penalty"] = params.presence_penalty;
  if (params.frequency_penalty != 0) body["frequency_penalty"] = params.frequency_penalty;
  for (const auto& [id, bias] : params.logit_bias) {
    body["logit_bias"][std::to_string(id)] = std::isinf(bias) ? std::copysign(100, bias) : bias;
  }
  if (takes_extensions(engine)) {
    body["top_k"] = params.top_k;
    body["min_p"] = params.min_p;
    body[is_llama_like(engine) ? "repeat_penalty" : "repetition_penalty"] = params.repeat_penalty;
    if (is_llama_like(engine)) body["repeat_last_n"] = params.repeat_last_n;
  } else if (params.repeat_penalty != 1) {
    return cannot(abilities, "--repeat-penalty");
  }
  return ok_status();
}

Status add_limits(Body& body, const GenerateRequest& request, const Abilities& abilities) {
  int64_t limit = request.max_tokens;
  const bool is_chat = std::holds_alternative<Conversation>(request.prompt);
  if (limit < 0 && !is_chat) {
    // Of this route OpenAI's default is 16 tokens.
    if (!is_llama_like(abilities.engine) || abilities.context == 0) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("-n: expected a limit of tokens for a raw prompt to {}, found none",
                               engine_name(abilities.engine)));
    }
    limit = abilities.context;
  }
  if (limit >= 0) {
    body[abilities.engine == EngineKind::kOpenAi ? "max_completion_tokens" : "max_tokens"] = limit;
  }
  if (request.min_tokens > 0) {
    if (abilities.engine != EngineKind::kWhet && abilities.engine != EngineKind::kVllm) {
      return cannot(abilities, "a minimum of tokens");
    }
    body["min_tokens"] = request.min_tokens;
  }
  if (request.ignore_eos) {
    if (!takes_extensions(abilities.engine)) return cannot(abilities, "--ignore-eos");
    body["ignore_eos"] = true;
  }
  if (!request.stop.empty()) body["stop"] = request.stop;
  return ok_status();
}

Status check_openai(const GenerateRequest& request, const Abilities& abilities) {
  if (request.grammar != nullptr) return cannot(abilities, "a grammar or schema of whet");
  if (request.spread) return cannot(abilities, "the spread of a token's distribution");
  if (request.prompt_logprobs >= 0) return cannot(abilities, "log-probabilities of the prompt");
  if (request.top_logprobs >= 0 && !abilities.logprobs) {
    return cannot(abilities, "log-probabilities");
  }
  if (const auto* conversation = std::get_if<Conversation>(&request.prompt)) {
    if (!abilities.chat) {
      return Error(ErrorCode::kInvalidArgument,
                   "the endpoint's model has no chat template; give --raw");
    }
    if (!conversation->tools.empty()) return cannot(abilities, "calling tools");
  }
  return ok_status();
}

FinishReason finish_of(const std::string& reason) {
  if (reason == "length") return FinishReason::kLength;
  // "content_filter", "abort", "cancelled": somebody else ended it.
  if (reason == "stop" || reason == "tool_calls" || reason == "function_call") {
    return FinishReason::kStop;
  }
  return FinishReason::kCancelled;
}

/// The older form: {"tokens": [...], "token_logprobs": [...], "top_logprobs": [{...}]}.
std::vector<TokenInfo> legacy_tokens(const Json& logprobs) {
  std::vector<TokenInfo> tokens;
  const Json* texts = member(logprobs, "tokens");
  const Json* values = member(logprobs, "token_logprobs");
  const Json* tops = member(logprobs, "top_logprobs");
  if (texts == nullptr || !texts->is_array() || values == nullptr || !values->is_array() ||
      values->size() != texts->size()) {
    return tokens;
  }
  for (size_t i = 0; i < texts->size(); ++i) {
    TokenInfo token;
    if ((*texts)[i].is_string()) token.bytes = (*texts)[i].get<std::string>();
    if ((*values)[i].is_number()) token.logprob = (*values)[i].get<double>();
    if (tops != nullptr && tops->is_array() && i < tops->size() && (*tops)[i].is_object()) {
      for (const auto& [text, logprob] : (*tops)[i].items()) {
        if (logprob.is_number()) {
          token.top.push_back({.bytes = text, .logprob = logprob.get<double>()});
        }
      }
      std::stable_sort(
          token.top.begin(), token.top.end(),
          [](const TokenInfo& a, const TokenInfo& b) { return a.logprob > b.logprob; });
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::vector<TokenInfo> choice_tokens(const Json& choice) {
  const Json* logprobs = member(choice, "logprobs");
  if (logprobs == nullptr) return {};
  const Json* content = member(*logprobs, "content");
  return content != nullptr ? tokens_of(*content) : legacy_tokens(*logprobs);
}

Piece piece_of(const Json& choice) {
  Piece piece;
  piece.choice = static_cast<size_t>(integer_at(choice, "index").value_or(0));
  const Json* delta = member(choice, "delta");
  if (delta == nullptr) delta = member(choice, "message");
  if (delta != nullptr) {
    piece.text = text_at(*delta, "content");
    piece.reasoning = text_at(*delta, "reasoning_content");
    if (piece.reasoning.empty()) piece.reasoning = text_at(*delta, "reasoning");
  } else {
    piece.text = text_at(choice, "text");
  }
  piece.tokens = choice_tokens(choice);
  if (const std::string reason = text_at(choice, "finish_reason"); !reason.empty()) {
    piece.finish = finish_of(reason);
  }
  piece.stop = text_at(choice, "stop_reason");
  return piece;
}

Error no_json(std::string_view line) {
  return Error(ErrorCode::kIo,
               fmt::format("expected JSON from the engine, found \"{}\"", shown(line)));
}

}  // namespace

bool takes_extensions(EngineKind kind) {
  return is_llama_like(kind) || kind == EngineKind::kVllm;
}

Result<Call> openai_call(const GenerateRequest& request, size_t sample, size_t n,
                         const Abilities& abilities) {
  WHET_TRY_STATUS(check_openai(request, abilities));
  const auto* conversation = std::get_if<Conversation>(&request.prompt);
  Call call;
  Body body{{"model", abilities.model}};
  if (conversation != nullptr) {
    call.path = "/chat/completions";
    WHET_TRY(body["messages"], messages_json(*conversation));
    if (!conversation->template_arguments.empty()) {
      if (!takes_extensions(abilities.engine)) return cannot(abilities, "a template's arguments");
      body["chat_template_kwargs"] = Body::parse(conversation->template_arguments, nullptr, false);
    }
    if (conversation->continue_last && abilities.engine == EngineKind::kVllm) {
      body["add_generation_prompt"] = false;
      body["continue_final_message"] = true;
    } else if (conversation->continue_last && !is_llama_like(abilities.engine)) {
      return cannot(abilities, "going on with an answer");
    }
  } else {
    call.path = "/completions";
    if (const auto* ids = std::get_if<std::vector<int32_t>>(&request.prompt)) {
      if (!takes_extensions(abilities.engine)) return cannot(abilities, "a prompt of token ids");
      body["prompt"] = *ids;
    } else {
      body["prompt"] = std::get<std::string>(request.prompt);
    }
  }
  if (n > 1) body["n"] = n;
  WHET_TRY_STATUS(add_sampling(body, request.samples[sample], abilities));
  WHET_TRY_STATUS(add_limits(body, request, abilities));
  if (request.top_logprobs >= 0) {
    if (conversation != nullptr) {
      body["logprobs"] = true;
      if (request.top_logprobs > 0) body["top_logprobs"] = request.top_logprobs;
    } else {
      // llama-server reads 0 as "none".
      const int least = abilities.engine == EngineKind::kLlamaServer ? 1 : 0;
      body["logprobs"] = std::max(request.top_logprobs, least);
    }
  }
  body["stream"] = true;
  body["stream_options"] = {{"include_usage", true}};
  WHET_TRY(call.body, wire_text(body));
  return call;
}

Result<ReplyNews> openai_news(std::string_view line) {
  ReplyNews news;
  if (!line.starts_with("data:")) return news;  // a comment, "event:", an empty line
  line.remove_prefix(5);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  if (line == "[DONE]") {
    news.done = true;
    return news;
  }
  const Json json = parsed(line);
  if (!json.is_object()) return no_json(line);
  if (member(json, "error") != nullptr) return Error(ErrorCode::kIo, error_message(line));
  if (const Json* choices = member(json, "choices"); choices != nullptr && choices->is_array()) {
    for (const Json& choice : *choices) {
      if (const auto index = integer_at(choice, "index"); index && *index < 0) {
        return Error(ErrorCode::kIo,
                     fmt::format("expected an index of a completion from 0 on, found {}", *index));
      }
      news.pieces.push_back(piece_of(choice));
    }
  }
  if (const Json* usage = member(json, "usage")) {
    news.n_prompt_tok = count_at(*usage, "prompt_tokens");
    const auto n_completion_tok = count_at(*usage, "completion_tokens");
    // llama-server counts each completion where that ends, others all of them at the end.
    if (news.pieces.size() == 1) {
      news.pieces.front().n_tok = n_completion_tok;
    } else {
      news.n_completion_tok = n_completion_tok;
    }
    if (const Json* details = member(*usage, "prompt_tokens_details")) {
      news.n_cached_tok = count_at(*details, "cached_tokens");
    }
  }
  if (const Json* timings = member(json, "timings"); timings != nullptr && !news.n_cached_tok) {
    news.n_cached_tok = count_at(*timings, "cache_n");
  }
  return news;
}

Result<Call> openai_score_call(const std::string& text, const Abilities& abilities) {
  Call call{"/completions", {}};
  WHET_TRY(call.body, wire_text({{"model", abilities.model},
                                 {"prompt", text},
                                 {"echo", true},
                                 {"logprobs", 0},
                                 {"max_tokens", 1},
                                 {"temperature", 0}}));
  return call;
}

Result<std::vector<TokenInfo>> openai_scores(std::string_view body, std::string_view continuation) {
  const Json json = parsed(body);
  const Json* choices = member(json, "choices");
  if (choices == nullptr || !choices->is_array() || choices->empty()) return no_json(body);
  std::vector<TokenInfo> tokens = choice_tokens(choices->front());
  if (tokens.empty()) {
    return Error(ErrorCode::kUnavailable, "expected log-probabilities of the text, found none");
  }
  tokens.pop_back();  // the generated one
  // From the end, for what stands before the text (a BOS token) differs between engines.
  size_t n_bytes = 0;
  auto first = tokens.end();
  while (first != tokens.begin() && n_bytes < continuation.size()) {
    --first;
    n_bytes += first->bytes.size();
  }
  if (n_bytes != continuation.size()) {
    return Error(
        ErrorCode::kUnavailable,
        fmt::format("expected a token to begin where \"{}\" does, found none", continuation));
  }
  return std::vector<TokenInfo>(std::make_move_iterator(first),
                                std::make_move_iterator(tokens.end()));
}

}  // namespace whet::remote
