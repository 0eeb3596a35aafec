#include "serve/openai_request.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <random>

namespace whet::serve {
namespace {

constexpr double kMaxPenalty = 2;
constexpr double kMaxBias = 100;
constexpr size_t kMaxStops = 16;
constexpr int64_t kMaxInt = int64_t{1} << 53;

/// A bias of a token or, into `texts` if it is not null, of the tokens of a text.
void read_logit_bias(Fields& fields, SamplingParams& params,
                     std::vector<std::pair<std::string, double>>* texts) {
  const Json* bias = fields.value("logit_bias");
  if (bias == nullptr) return;
  const auto add = [&](const Json& key, const Json& value) {
    const bool banned = value.is_boolean() && !value.get<bool>();
    if (!banned && !value.is_number()) return false;
    const double amount = banned ? -INFINITY : value.get<double>();
    if (!banned && !(std::abs(amount) <= kMaxBias)) return false;
    int64_t id = -1;
    if (key.is_number_integer()) {
      id = key.get<int64_t>();
    } else if (key.is_string()) {
      const std::string text = key.get<std::string>();
      const auto end = std::from_chars(text.data(), text.data() + text.size(), id);
      if (bias->is_array() || end.ec != std::errc() || end.ptr != text.data() + text.size()) {
        if (texts != nullptr) texts->emplace_back(text, amount);
        return texts != nullptr;
      }
    }
    params.logit_bias.emplace_back(static_cast<int32_t>(id), amount);
    return id >= 0 && id <= INT32_MAX;
  };
  bool good = bias->is_object() || bias->is_array();
  for (const auto& [key, value] : bias->items()) {
    if (bias->is_object()) {
      good = good && add(Json(key), value);
    } else {
      good = good && value.is_array() && value.size() == 2 && add(value[0], value[1]);
    }
  }
  if (!good) {
    fields.fail("logit_bias",
                "an object of token ids and numbers from -100 to 100, or an array of "
                "pairs [id, number or false]");
  }
}

}  // namespace

uint64_t read_seed(Fields& fields, const SamplingDefaults& defaults) {
  const int64_t seed = fields.integer("seed", -1, INT64_MIN, INT64_MAX);
  if (seed >= 0) return static_cast<uint64_t>(seed);
  if (defaults.seed) return *defaults.seed;
  std::random_device device;
  return (uint64_t{device()} << 32) ^ device();
}

int read_top_k(Fields& fields, const SamplingDefaults& defaults, int otherwise) {
  const auto fallback = static_cast<int64_t>(defaults.top_k.value_or(otherwise));
  return static_cast<int>(fields.integer("top_k", fallback, 0, INT32_MAX));
}

OpenAiCall read_call(Fields& fields, const Server& server, bool takes_text_bias) {
  OpenAiCall call;
  call.model = fields.text("model", "");
  call.stream = fields.flag("stream", false);
  if (const Json* options = fields.value("stream_options")) {
    if (!options->is_object()) {
      fields.fail("stream_options", "an object");
    } else {
      Fields inner(*options, "stream_options.");
      call.include_usage = inner.flag("include_usage", false);
      call.continuous_usage = inner.flag("continuous_usage_stats", false);
      if (inner.error()) fields.fail(*inner.error());
    }
  }

  GenerateRequest& request = call.request;
  SamplingParams params;
  const SamplingDefaults& defaults = server.options().sampling;
  // OpenAI's defaults: the model's own distribution.
  params.temperature = fields.number("temperature", defaults.temperature.value_or(1), 0, 100);
  params.top_p = fields.number("top_p", defaults.top_p.value_or(1), 0, 1);
  params.top_k = read_top_k(fields, defaults, 0);
  params.min_p = fields.number("min_p", defaults.min_p.value_or(0), 0, 1);
  params.presence_penalty = fields.number("presence_penalty", 0, -kMaxPenalty, kMaxPenalty);
  params.frequency_penalty = fields.number("frequency_penalty", 0, -kMaxPenalty, kMaxPenalty);
  params.repeat_penalty =
      fields.number("repetition_penalty", fields.number("repeat_penalty", 1, 0.01, 100), 0.01, 100);
  params.repeat_last_n = static_cast<int>(fields.integer("repeat_last_n", 64, -1, INT32_MAX));
  params.seed = read_seed(fields, defaults);
  read_logit_bias(fields, params, takes_text_bias ? &call.text_bias : nullptr);

  const int64_t n = fields.integer("n", 1, 1, server.options().n_sampled_limit);
  request.samples.assign(static_cast<size_t>(n), params);
  for (size_t i = 0; i < request.samples.size(); ++i) request.samples[i].seed = params.seed + i;

  const int64_t older = fields.integer("max_tokens", -1, -1, kMaxInt);
  const int64_t newer = fields.integer("max_completion_tokens", -1, -1, kMaxInt);
  if (older >= 0 && newer >= 0 && older != newer) {
    fields.fail("max_tokens", "the same as max_completion_tokens");
  }
  request.max_tokens = older >= 0 ? older : newer;
  if (request.max_tokens < 0 && defaults.max_tokens) {
    request.max_tokens = static_cast<int64_t>(*defaults.max_tokens);
  }
  request.min_tokens = fields.integer("min_tokens", 0, 0, kMaxInt);
  request.ignore_eos = fields.flag("ignore_eos", false);
  request.stop = fields.texts("stop");
  if (request.stop.size() > kMaxStops) fields.fail("stop", "at most 16 strings");
  for (const std::string& stop : request.stop) {
    if (stop.empty()) fields.fail("stop", "strings that are not empty");
  }
  fields.ignore({"user", "metadata", "store", "service_tier", "prompt_cache_key",
                 "safety_identifier", "cache_prompt", "timings_per_token"});
  return call;
}

std::vector<ChatMessage> read_messages(Fields& fields, const std::string& name, bool any_case) {
  std::vector<ChatMessage> messages;
  const Json* list = fields.value(name);
  if (list == nullptr || !list->is_array() || list->empty()) {
    fields.fail(name, "a non-empty array of messages");
    return messages;
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const std::string path = fmt::format("{}[{}]", name, i);
    const Json& json = (*list)[i];
    if (!json.is_object()) {
      fields.fail(
          {400, fmt::format("\"{}\": expected an object with role and content", path), path});
      return messages;
    }
    Fields inner(json, path + ".");
    ChatMessage message;
    message.role = inner.text("role", "");
    if (any_case) {
      for (char& c : message.role) {
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      }
    }
    if (message.role == "developer") message.role = "system";
    if (message.role != "system" && message.role != "user" && message.role != "assistant" &&
        message.role != "tool") {
      inner.fail("role", "system, developer, user, assistant or tool");
    }
    if (const Json* calls = inner.value("tool_calls")) {
      for (const Json& call : calls->is_array() ? *calls : Json::array({nullptr})) {
        const Json* function =
            call.is_object() && call.contains("function") ? &call["function"] : nullptr;
        if (function == nullptr || !function->is_object() || !function->contains("name") ||
            !(*function)["name"].is_string()) {
          inner.fail("tool_calls", "an array of calls with function.name and function.arguments");
          break;
        }
        ToolCall made;
        made.id =
            call.contains("id") && call["id"].is_string() ? call["id"].get<std::string>() : "";
        made.name = (*function)["name"];
        const Json arguments = function->value("arguments", Json("{}"));
        made.arguments = arguments.is_string() ? arguments.get<std::string>() : dump(arguments);
        message.tool_calls.push_back(std::move(made));
      }
    }
    const Json* content = inner.value("content");
    if (content == nullptr) {
      if (message.tool_calls.empty()) inner.fail("content", "a string or an array of text parts");
    } else if (content->is_string()) {
      message.content = content->get<std::string>();
    } else if (content->is_array()) {
      for (const Json& part : *content) {
        const bool is_text = part.is_object() && part.value("type", Json("text")) == "text" &&
                             part.contains("text") && part["text"].is_string();
        if (!is_text) {
          inner.fail("content", "parts of type text (this server reads no images or audio)");
          break;
        }
        message.content += part["text"].get<std::string>();
      }
    } else {
      inner.fail("content", "a string or an array of text parts");
    }
    if (const Json* images = inner.value("images"); images != nullptr && !images->empty()) {
      inner.fail("images", "none: this server reads no images");
    }
    message.reasoning = inner.text("reasoning_content", inner.text("thinking", ""));
    message.tool_call_id = inner.text("tool_call_id", "");
    message.name = inner.text("name", inner.text("tool_name", ""));
    if (inner.error()) {
      fields.fail(*inner.error());
      return messages;
    }
    fields.ignore_also(inner);
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace whet::serve
