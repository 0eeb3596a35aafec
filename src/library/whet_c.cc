// The C interface is a client of the C++ one and of nothing else. No exception may leave it.
#include "whet/c.h"

#include <exception>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "whet/whet.h"

struct whet_model {
  whet::Model model;
};

struct whet_answer {
  whet::Answer answer;
};

namespace {

thread_local std::string last_error;  // NOLINT: what whet_error() is about

std::nullptr_t refuse(std::string message) {
  last_error = std::move(message);
  return nullptr;
}

template <typename Call>
auto guarded(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return refuse("out of memory");
  } catch (const std::exception& e) {
    return refuse(e.what());
  }
}

whet::GenerateOptions to_options(const whet_options& o) {
  whet::GenerateOptions options;
  options.samples = o.samples;
  options.max_tokens = o.max_tokens;
  options.temperature = o.temperature;
  options.top_k = o.top_k;
  options.top_p = o.top_p;
  options.min_p = o.min_p;
  options.repeat_penalty = o.repeat_penalty;
  options.presence_penalty = o.presence_penalty;
  options.frequency_penalty = o.frequency_penalty;
  options.repeat_last_n = o.repeat_last_n;
  for (size_t i = 0; i < o.n_stop; ++i) options.stop.emplace_back(o.stop[i]);
  options.ignore_eos = o.ignore_eos != 0;
  options.seed = o.seed;
  return options;
}

bool stops_are_there(const whet_options& o) {
  if (o.n_stop > 0 && o.stop == nullptr) return false;
  for (size_t i = 0; i < o.n_stop; ++i) {
    if (o.stop[i] == nullptr) return false;
  }
  return true;
}

/// `ask(options, on_text)` is generate() or chat() of the model.
template <typename Ask>
whet_answer* answered(const whet_options* options, whet_on_text on_text, void* user, Ask ask) {
  const whet_options o = options != nullptr ? *options : whet_default_options();
  if (!stops_are_there(o)) return refuse("stop: expected n_stop texts, found NULL");
  whet::OnText sink;
  if (on_text != nullptr) {
    sink = [on_text, user](size_t sample, std::string_view text) {
      return on_text(user, sample, text.data(), text.size()) != 0;
    };
  }
  auto answer = ask(to_options(o), sink);
  if (!answer) return refuse(answer.error());
  return new whet_answer{std::move(*answer)};
}

const whet::Generation* sample_of(const whet_answer* answer, size_t sample) {
  if (answer == nullptr || sample >= answer->answer.samples.size()) return nullptr;
  return &answer->answer.samples[sample];
}

}  // namespace

const char* whet_error(void) {
  return last_error.c_str();
}

whet_model* whet_load(const char* path, int32_t threads, int64_t context) {
  if (path == nullptr) return refuse("path: expected a text, found NULL");
  return guarded([&]() -> whet_model* {
    whet::LoadOptions options;
    options.threads = threads;
    options.context = context;
    auto model = whet::Model::load(path, options);
    if (!model) return refuse(model.error());
    return new whet_model{std::move(*model)};
  });
}

void whet_free(whet_model* model) {
  delete model;
}

whet_options whet_default_options(void) {
  const whet::GenerateOptions defaults;
  return {.samples = defaults.samples,
          .max_tokens = defaults.max_tokens,
          .temperature = defaults.temperature,
          .top_k = defaults.top_k,
          .top_p = defaults.top_p,
          .min_p = defaults.min_p,
          .repeat_penalty = defaults.repeat_penalty,
          .presence_penalty = defaults.presence_penalty,
          .frequency_penalty = defaults.frequency_penalty,
          .repeat_last_n = defaults.repeat_last_n,
          .stop = nullptr,
          .n_stop = 0,
          .ignore_eos = 0,
          .seed = defaults.seed};
}

whet_answer* whet_generate(whet_model* model, const char* prompt, const whet_options* options,
                           whet_on_text on_text, void* user) {
  if (model == nullptr) return refuse("model: expected one that whet_load gave, found NULL");
  if (prompt == nullptr) return refuse("prompt: expected a text, found NULL");
  return guarded([&] {
    return answered(options, on_text, user, [&](const auto& o, const auto& sink) {
      return model->model.generate(prompt, o, sink);
    });
  });
}

whet_answer* whet_chat(whet_model* model, const whet_message* messages, size_t n_messages,
                       const whet_options* options, whet_on_text on_text, void* user) {
  if (model == nullptr) return refuse("model: expected one that whet_load gave, found NULL");
  if (n_messages > 0 && messages == nullptr) {
    return refuse("messages: expected n_messages of them, found NULL");
  }
  return guarded([&]() -> whet_answer* {
    std::vector<whet::Message> conversation;
    for (size_t i = 0; i < n_messages; ++i) {
      if (messages[i].role == nullptr || messages[i].content == nullptr) {
        return refuse("message " + std::to_string(i) + ": expected role and content, found NULL");
      }
      conversation.push_back({messages[i].role, messages[i].content});
    }
    return answered(options, on_text, user, [&](const auto& o, const auto& sink) {
      return model->model.chat(conversation, o, sink);
    });
  });
}

void whet_cancel(whet_model* model) {
  if (model != nullptr) model->model.cancel();
}

size_t whet_answer_samples(const whet_answer* answer) {
  return answer == nullptr ? 0 : answer->answer.samples.size();
}

const char* whet_answer_text(const whet_answer* answer, size_t sample) {
  const auto* found = sample_of(answer, sample);
  return found == nullptr ? nullptr : found->text.c_str();
}

const char* whet_answer_finish_reason(const whet_answer* answer, size_t sample) {
  const auto* found = sample_of(answer, sample);
  return found == nullptr ? nullptr : found->finish_reason.c_str();
}

int64_t whet_answer_tokens(const whet_answer* answer, size_t sample) {
  const auto* found = sample_of(answer, sample);
  return found == nullptr ? -1 : found->tokens;
}

int64_t whet_answer_prompt_tokens(const whet_answer* answer) {
  return answer == nullptr ? -1 : answer->answer.prompt_tokens;
}

void whet_answer_free(whet_answer* answer) {
  delete answer;
}
