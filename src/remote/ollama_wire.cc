#include "remote/ollama_wire.h"

#include <fmt/format.h>

#include "remote/wire_json.h"

namespace whet::remote {
namespace {

using Body = nlohmann::ordered_json;

Error ollama_cannot(std::string_view what) {
  return Error(ErrorCode::kUnavailable,
               fmt::format("{}: an engine with Ollama's API cannot be asked for it", what));
}

Status check_ollama(const GenerateRequest& request, const Abilities& abilities) {
  if (request.grammar != nullptr) return ollama_cannot("a grammar or schema of whet");
  if (request.spread) return ollama_cannot("the spread of a token's distribution");
  if (request.prompt_logprobs >= 0) return ollama_cannot("log-probabilities of the prompt");
  if (request.top_logprobs >= 0 && !abilities.logprobs) return ollama_cannot("log-probabilities");
  if (request.min_tokens > 0) return ollama_cannot("a minimum of tokens");
  if (request.ignore_eos) return ollama_cannot("--ignore-eos");
  if (std::holds_alternative<std::vector<int32_t>>(request.prompt)) {
    return ollama_cannot("a prompt of token ids");
  }
  if (const auto* conversation = std::get_if<Conversation>(&request.prompt)) {
    if (!conversation->tools.empty()) return ollama_cannot("calling tools");
    if (!conversation->template_arguments.empty()) return ollama_cannot("a template's arguments");
  }
  return ok_status();
}

Body options_json(const GenerateRequest& request, const SamplingParams& params) {
  Body options{{"temperature", params.temperature},
               {"top_k", params.top_k},
               {"top_p", params.top_p},
               {"min_p", params.min_p},
               {"repeat_penalty", params.repeat_penalty},
               {"repeat_last_n", params.repeat_last_n},
               {"presence_penalty", params.presence_penalty},
               {"frequency_penalty", params.frequency_penalty},
               {"seed", (params.seed ^ params.seed >> 32) & 0x7fffffff},
               {"num_predict", request.max_tokens}};
  if (!request.stop.empty()) options["stop"] = request.stop;
  return options;
}

}  // namespace

Result<Call> ollama_call(const GenerateRequest& request, size_t sample,
                         const Abilities& abilities) {
  WHET_TRY_STATUS(check_ollama(request, abilities));
  const SamplingParams& params = request.samples[sample];
  if (!params.logit_bias.empty()) return ollama_cannot("--logit-bias");
  Call call;
  Body body{{"model", abilities.model}};
  if (const auto* conversation = std::get_if<Conversation>(&request.prompt)) {
    call.path = "/api/chat";
    Body messages = Body::array();
    for (const ChatMessage& message : conversation->messages) {
      Body json{{"role", message.role}, {"content", message.content}};
      if (!message.reasoning.empty()) json["thinking"] = message.reasoning;
      if (!message.name.empty()) json["tool_name"] = message.name;
      messages.push_back(std::move(json));
    }
    body["messages"] = std::move(messages);
  } else {
    call.path = "/api/generate";
    body["prompt"] = std::get<std::string>(request.prompt);
    body["raw"] = true;
  }
  if (request.top_logprobs >= 0) {
    body["logprobs"] = true;
    if (request.top_logprobs > 0) body["top_logprobs"] = request.top_logprobs;
  }
  body["options"] = options_json(request, params);
  body["stream"] = true;
  WHET_TRY(call.body, wire_text(body));
  return call;
}

Result<ReplyNews> ollama_news(std::string_view line) {
  ReplyNews news;
  if (line.empty()) return news;
  const Json json = parsed(line);
  if (!json.is_object()) {
    return Error(ErrorCode::kIo,
                 fmt::format("expected JSON from the engine, found \"{}\"", shown(line)));
  }
  if (member(json, "error") != nullptr) return Error(ErrorCode::kIo, error_message(line));
  Piece piece;
  if (const Json* message = member(json, "message")) {
    piece.text = text_at(*message, "content");
    piece.reasoning = text_at(*message, "thinking");
  } else {
    piece.text = text_at(json, "response");
    piece.reasoning = text_at(json, "thinking");
  }
  if (const Json* logprobs = member(json, "logprobs")) piece.tokens = tokens_of(*logprobs);
  const Json* done = member(json, "done");
  if (done != nullptr && done->is_boolean() && done->get<bool>()) {
    piece.finish =
        text_at(json, "done_reason") == "length" ? FinishReason::kLength : FinishReason::kStop;
    news.n_prompt_tok = count_at(json, "prompt_eval_count");
    news.n_completion_tok = count_at(json, "eval_count");
    news.done = true;
  }
  news.pieces.push_back(std::move(piece));
  return news;
}

}  // namespace whet::remote
