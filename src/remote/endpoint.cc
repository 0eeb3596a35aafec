#include "remote/endpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/clock.h"
#include "http/url.h"
#include "remote/line_reader.h"
#include "remote/ollama_wire.h"
#include "remote/wire_json.h"

namespace whet::remote {
namespace {

using Body = nlohmann::ordered_json;

constexpr size_t kMaxAnswerBytes = size_t{16} << 20;
constexpr int64_t kAskAgainMs = 200;
constexpr auto kLookAgain = std::chrono::milliseconds(50);

bool is_busy(int status) {
  return status == 429 || status == 503;
}

int64_t retry_after_ms(const http::Reply& reply) {
  const std::string text(reply.header("retry-after"));
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  const bool is_number = end != text.c_str() && *end == '\0' && seconds >= 0 && seconds < 86400;
  return is_number ? static_cast<int64_t>(seconds * 1e3) : 0;  // dates are not worth a clock
}

EngineKind kind_of(std::string_view owner) {
  if (owner == "whet") return EngineKind::kWhet;
  if (owner == "llamacpp") return EngineKind::kLlamaServer;
  if (owner == "vllm") return EngineKind::kVllm;
  if (owner == "library") return EngineKind::kOllama;
  if (owner == "openai" || owner == "system" || owner == "openai-internal") {
    return EngineKind::kOpenAi;
  }
  return EngineKind::kUnknown;
}

/// No real name is empty or could pass for a line of ours.
void add_name(std::vector<std::string>& names, std::string name) {
  if (!name.empty() && shown(name) == name) names.push_back(std::move(name));
}

size_t n_choices(const Json& json) {
  const Json* choices = member(json, "choices");
  return choices != nullptr && choices->is_array() ? choices->size() : 0;
}

bool has_logprobs(const Json& json) {
  if (n_choices(json) == 0) return false;
  const Json* logprobs = member(json["choices"][0], "logprobs");
  if (logprobs == nullptr) return false;
  for (const char* list : {"content", "tokens"}) {
    const Json* tokens = member(*logprobs, list);
    if (tokens != nullptr && tokens->is_array() && !tokens->empty()) return true;
  }
  return false;
}

}  // namespace

std::string_view engine_name(EngineKind kind) {
  switch (kind) {
    case EngineKind::kWhet:
      return "whet";
    case EngineKind::kLlamaServer:
      return "llama-server";
    case EngineKind::kVllm:
      return "vLLM";
    case EngineKind::kOllama:
      return "Ollama";
    case EngineKind::kOpenAi:
      return "OpenAI";
    case EngineKind::kUnknown:
      return "an engine that whet does not know";
  }
  WHET_UNREACHABLE();
}

Result<std::unique_ptr<Endpoint>> Endpoint::open(const Address& address,
                                                 const EndpointOptions& options,
                                                 const http::Cancelled& cancelled) {
  std::unique_ptr<Endpoint> endpoint(new Endpoint(address, options));
  endpoint->abilities_.model = address.model;
  WHET_TRY_STATUS(address.dialect == Dialect::kOllama ? endpoint->open_ollama(cancelled)
                                                      : endpoint->open_openai(cancelled));
  endpoint->note_what_is_missing();
  return endpoint;
}

http::Request Endpoint::request_to(const std::string& path) const {
  http::Request request{.url = address_.base + path};
  if (path.starts_with("//")) {  // from the origin, beside the API's own path
    const auto url = http::parse_url(address_.base);
    if (url.ok()) request.url = url->origin() + path.substr(1);
  }
  if (!options_.key.empty()) {
    request.secrets.emplace_back("Authorization", "Bearer " + options_.key);
  }
  request.stall_timeout_ms = options_.stall_timeout_ms;
  return request;
}

Result<Endpoint::Answer> Endpoint::ask(const std::string& path, const std::string& body,
                                       const http::Cancelled& cancelled) {
  http::Request request = request_to(path);
  if (!body.empty()) {
    request.method = "POST";
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = body;
  }
  const int64_t end_ns = monotonic_ns() + int64_t{options_.start_timeout_ms} * 1'000'000;
  while (true) {
    Answer answer;
    WHET_TRY(const http::Reply reply, client_.send(
                                          request,
                                          [&](const http::Reply&, std::string_view piece) {
                                            answer.body += piece;
                                            return answer.body.size() <= kMaxAnswerBytes;
                                          },
                                          cancelled));
    answer.status = reply.status;
    if (!reply.whole) {
      return Error(ErrorCode::kIo, fmt::format("{}: expected an answer of at most {} bytes, more "
                                               "came",
                                               request.url, kMaxAnswerBytes));
    }
    if (!is_busy(reply.status)) return answer;
    // Loading its model, or asked too often: then it says how long to leave it in peace.
    const int64_t wait_ms = std::max(kAskAgainMs, retry_after_ms(reply));
    const int64_t again_ns = monotonic_ns() + wait_ms * 1'000'000;
    if (again_ns > end_ns) return answer;
    while (monotonic_ns() < again_ns) {
      if (cancelled && cancelled()) return Error(ErrorCode::kCancelled, "cancelled");
      std::this_thread::sleep_for(kLookAgain);
    }
  }
}

Error Endpoint::refusal(int status, std::string_view body) const {
  const std::string message = error_message(body);
  if (status == 401 || status == 403) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: the key was refused ({}): set WHET_ENDPOINT_KEY to the right one",
                             address_.text, message));
  }
  if (status >= 300 && status < 400) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: it redirects elsewhere (status {}), where neither prompts nor a "
                             "key are sent: give that address itself",
                             address_.text, status));
  }
  const bool is_ours = status >= 400 && status < 500;
  return Error(
      is_ours ? ErrorCode::kInvalidArgument : ErrorCode::kIo,
      fmt::format("{}: expected status 200, found {}: {}", address_.text, status, message));
}

Status Endpoint::find_model(const std::vector<std::string>& names) {
  const char* mark = address_.dialect == Dialect::kOllama ? "/" : "#";
  if (abilities_.model.empty()) {
    if (names.size() == 1) {
      abilities_.model = names.front();
      return ok_status();
    }
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected {}MODEL behind the address, one of: {}", address_.text,
                             mark, fmt::join(names, ", ")));
  }
  const bool has_it = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == abilities_.model || name == abilities_.model + ":latest";
  });
  if (has_it || names.empty()) return ok_status();
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: expected a model that is there, one of: {}; found {}",
                           address_.text, fmt::join(names, ", "), abilities_.model));
}

Status Endpoint::open_openai(const http::Cancelled& cancelled) {
  WHET_TRY(const Answer answer, ask("/models", "", cancelled));
  std::vector<std::string> names;
  if (answer.status == 200) {
    const Json json = parsed(answer.body);
    const Json* data = member(json, "data");
    if (data == nullptr || !data->is_array()) {
      return Error(ErrorCode::kIo,
                   fmt::format("{}: expected an OpenAI-compatible API, found \"{}\"", address_.text,
                               shown(answer.body)));
    }
    for (const Json& model : *data) add_name(names, text_at(model, "id"));
    WHET_TRY_STATUS(find_model(names));
    for (const Json& model : *data) {
      if (text_at(model, "id") != abilities_.model) continue;
      abilities_.engine = kind_of(text_at(model, "owned_by"));
      abilities_.context = count_at(model, "max_model_len").value_or(0);
      if (const Json* meta = member(model, "meta")) {
        abilities_.n_parameters = count_at(*meta, "n_params").value_or(0);
        abilities_.n_bytes =
            static_cast<uint64_t>(std::max<int64_t>(0, count_at(*meta, "size").value_or(0)));
        abilities_.trained_context = count_at(*meta, "n_ctx_train").value_or(0);
        abilities_.vocab_size = static_cast<int32_t>(
            std::clamp<int64_t>(count_at(*meta, "n_vocab").value_or(0), 0, INT32_MAX));
      }
    }
  } else if (answer.status != 404 && answer.status != 405) {
    return refusal(answer.status, answer.body);
  } else if (abilities_.model.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected #MODEL behind the address: this engine lists none",
                             address_.text));
  }
  if (abilities_.engine == EngineKind::kWhet || abilities_.engine == EngineKind::kLlamaServer) {
    WHET_TRY(const Answer props, ask("//props", "", cancelled));
    const Json json = parsed(props.body);
    if (const Json* settings = member(json, "default_generation_settings")) {
      abilities_.context = count_at(*settings, "n_ctx").value_or(0);
    }
    if (abilities_.engine == EngineKind::kLlamaServer) {
      abilities_.most_n = count_at(json, "total_slots").value_or(0);
    }
  }
  return probe_openai(cancelled);
}

/// One token each of two completions says more than any documentation.
Status Endpoint::probe_openai(const http::Cancelled& cancelled) {
  const bool is_openai = abilities_.engine == EngineKind::kOpenAi;
  std::optional<Error> first_error;
  for (const bool chat : {true, false}) {
    for (const auto& [n, logprobs] :
         {std::pair(2, true), std::pair(1, true), std::pair(1, false)}) {
      Body body{{"model", abilities_.model},
                {is_openai && chat ? "max_completion_tokens" : "max_tokens", 1},
                {"temperature", 0}};
      if (chat) {
        body["messages"] = {{{"role", "user"}, {"content", "Hi"}}};
      } else {
        body["prompt"] = "Hi";
      }
      if (n > 1) body["n"] = n;
      if (logprobs && chat) body["logprobs"] = true;
      if (logprobs && !chat) body["logprobs"] = 1;
      WHET_TRY(const std::string text, wire_text(body));
      WHET_TRY(const Answer answer,
               ask(chat ? "/chat/completions" : "/completions", text, cancelled));
      const bool is_key = answer.status == 401 || answer.status == 403;
      // Busy says nothing about what the engine can do.
      if (is_key || is_busy(answer.status)) return refusal(answer.status, answer.body);
      const Json json = parsed(answer.body);
      if (answer.status != 200 || n_choices(json) == 0) {
        if (!first_error) first_error = refusal(answer.status, answer.body);
        continue;
      }
      abilities_.chat = chat;
      abilities_.n = n_choices(json) == 2;
      abilities_.logprobs = has_logprobs(json);
      abilities_.prompt_logprobs =
          abilities_.engine == EngineKind::kWhet || abilities_.engine == EngineKind::kVllm;
      return ok_status();
    }
  }
  return *first_error;
}

Status Endpoint::open_ollama(const http::Cancelled& cancelled) {
  abilities_.engine = EngineKind::kOllama;
  WHET_TRY(const Answer tags, ask("/api/tags", "", cancelled));
  if (tags.status != 200) return refusal(tags.status, tags.body);
  const Json list = parsed(tags.body);
  const Json* models = member(list, "models");
  if (models == nullptr || !models->is_array()) {
    return Error(ErrorCode::kIo, fmt::format("{}: expected Ollama's API, found \"{}\"",
                                             address_.text, shown(tags.body)));
  }
  std::vector<std::string> names;
  for (const Json& model : *models) add_name(names, text_at(model, "name"));
  WHET_TRY_STATUS(find_model(names));
  WHET_TRY(const std::string body, wire_text({{"model", abilities_.model}}));
  WHET_TRY(const Answer shown, ask("/api/show", body, cancelled));
  if (shown.status != 200) return refusal(shown.status, shown.body);
  const Json json = parsed(shown.body);
  if (const Json* info = member(json, "model_info")) {
    abilities_.n_parameters = count_at(*info, "general.parameter_count").value_or(0);
    abilities_.trained_context =
        count_at(*info, text_at(*info, "general.architecture") + ".context_length").value_or(0);
  }
  return probe_ollama(cancelled);
}

Status Endpoint::probe_ollama(const http::Cancelled& cancelled) {
  std::optional<Error> first_error;
  for (const bool chat : {true, false}) {
    Body body{{"model", abilities_.model},
              {"stream", false},
              {"logprobs", true},
              {"options", {{"num_predict", 1}, {"temperature", 0}}}};
    if (chat) {
      body["messages"] = {{{"role", "user"}, {"content", "Hi"}}};
    } else {
      body["prompt"] = "Hi";
      body["raw"] = true;
    }
    WHET_TRY(const std::string text, wire_text(body));
    WHET_TRY(const Answer answer, ask(chat ? "/api/chat" : "/api/generate", text, cancelled));
    if (is_busy(answer.status)) return refusal(answer.status, answer.body);
    if (answer.status == 200) {
      const Json json = parsed(answer.body);
      const Json* logprobs = member(json, "logprobs");
      abilities_.logprobs = logprobs != nullptr && logprobs->is_array() && !logprobs->empty();
      abilities_.chat = chat;
      return ok_status();
    }
    if (!first_error) first_error = refusal(answer.status, answer.body);
  }
  return *first_error;
}

void Endpoint::note_what_is_missing() {
  const auto note = [&](std::string text) {
    notes_.push_back(fmt::format("{}: {}", address_.text, std::move(text)));
  };
  const bool extends = address_.dialect == Dialect::kOllama || takes_extensions(abilities_.engine);
  if (!extends) {
    note(fmt::format("{}: --top-k and --min-p are not sent, for OpenAI's API has none",
                     engine_name(abilities_.engine)));
  }
  if (!abilities_.logprobs) note("gives no log-probabilities");
  if (!abilities_.chat) note("has no chat template: prompts are raw");
}

Attempt Endpoint::generate(const GenerateRequest& request, size_t sample, size_t n,
                           const PieceSink& sink, const http::Cancelled& cancelled) {
  Attempt attempt;
  const bool is_ollama = address_.dialect == Dialect::kOllama;
  auto call = is_ollama ? ollama_call(request, sample, abilities_)
                        : openai_call(request, sample, n, abilities_);
  if (!call.ok()) {
    attempt.error = call.error().with_context(address_.text);
    return attempt;
  }
  http::Request http_request = request_to(call->path);
  http_request.method = "POST";
  http_request.headers.emplace_back("Content-Type", "application/json");
  http_request.body = std::move(call->body);

  LineReader lines;
  std::string error_body;
  bool done = false;
  size_t n_bytes = 0;
  const auto take = [&](std::string_view line) {
    if ((n_bytes += line.size()) > n * options_.max_bytes) {
      attempt.error =
          Error(ErrorCode::kIo, fmt::format("{}: expected an answer of at most {} bytes for each "
                                            "completion, more came",
                                            address_.text, options_.max_bytes));
      return false;
    }
    auto news = is_ollama ? ollama_news(line) : openai_news(line);
    if (!news.ok()) {
      attempt.error = news.error().with_context(address_.text);
      return false;
    }
    for (Piece& piece : news->pieces) {
      if (piece.choice >= n) {
        attempt.error =
            Error(ErrorCode::kIo, fmt::format("{}: expected {} completions, found number {}",
                                              address_.text, n, piece.choice + 1));
        return false;
      }
      sink(std::move(piece));
    }
    if (news->n_prompt_tok) attempt.n_prompt_tok = news->n_prompt_tok;
    if (news->n_cached_tok) attempt.n_cached_tok = news->n_cached_tok;
    if (news->n_completion_tok) attempt.n_completion_tok = news->n_completion_tok;
    done |= news->done;
    return true;
  };
  const auto reply = client_.send(
      http_request,
      [&](const http::Reply& head, std::string_view piece) {
        if (head.status == 200) return lines.push(piece, take);
        error_body += piece;
        return error_body.size() <= kMaxAnswerBytes;
      },
      cancelled);
  if (!reply.ok()) {
    attempt.error = reply.error();
    attempt.may_repeat = reply.error().code() == ErrorCode::kUnavailable;
  } else if (reply->status != 200) {
    attempt.error = refusal(reply->status, error_body);
    attempt.may_repeat = is_busy(reply->status);
    attempt.retry_after_ms = retry_after_ms(*reply);
  } else if (!attempt.error && !reply->whole) {
    attempt.error = Error(ErrorCode::kIo,
                          fmt::format("{}: expected lines of at most {} bytes, found a longer one",
                                      address_.text, LineReader::kMaxLineBytes));
  } else if (!attempt.error && !done) {
    attempt.error =
        Error(ErrorCode::kIo,
              fmt::format("{}: the answer broke off: its last line never came", address_.text));
  }
  return attempt;
}

Result<std::vector<TokenInfo>> Endpoint::score(const std::string& text,
                                               std::string_view continuation,
                                               const http::Cancelled& cancelled) {
  WHET_TRY(const Call call, openai_score_call(text + std::string(continuation), abilities_));
  WHET_TRY(const Answer answer, ask(call.path, call.body, cancelled));
  if (answer.status != 200) return refusal(answer.status, answer.body);
  return openai_scores(answer.body, continuation).with_context(address_.text);
}

}  // namespace whet::remote
