/// whet as a library: load a model, generate text, stream it, cancel.
///
///   auto model = whet::Model::load("model.gguf");
///   if (!model) { puts(model.error().c_str()); return 1; }
///   whet::GenerateOptions options;
///   options.max_tokens = 64;
///   auto answer = model->chat({{"user", "Why is the sky blue?"}}, options,
///                             [](std::size_t, std::string_view text) { fwrite(...); return true; });
///
/// No function throws for bad input; every failure is a message that says what was expected, what
/// was found and where. All functions may be called from several threads; generation on one model
/// is served one request at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#define WHET_EXPORT __attribute__((visibility("default")))

namespace whet {

/// A value, or the message of an error.
template <typename T>
class Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  static Expected failure(std::string message) {
    return Expected(std::in_place_index<1>, std::move(message));
  }

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const std::string& error() const { return std::get<1>(state_); }

 private:
  Expected(std::in_place_index_t<1> index, std::string message) : state_(index, std::move(message)) {}
  std::variant<T, std::string> state_;
};

struct LoadOptions {
  int threads = 0;           // 0: as many as affinity and cgroup quota allow
  std::int64_t context = 0;  // tokens per sequence; 0: the model's own
  std::string chat_template; // Jinja source that replaces the model's own; empty: the model's
  /// Weights that decoding skips: "off"; "plan": as the file says (whet adapt larosa); "0.4",
  /// "wina:0.4", "down:0.4", "teal:0.4", "cats:0.4". It changes the text, and such models propose
  /// no tokens ahead.
  std::string sparsity = "off";
};

struct Message {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

/// Defaults are llama.cpp's.
struct GenerateOptions {
  std::size_t samples = 1;       // completions, decoded together from one prefill
  std::int64_t max_tokens = -1;  // per completion; -1: until the context is full
  double temperature = 0.8;      // 0: greedy
  int top_k = 40;                // 0: off
  double top_p = 0.95;           // 1: off
  double min_p = 0.05;           // 0: off
  double repeat_penalty = 1.0;
  double presence_penalty = 0.0;
  double frequency_penalty = 0.0;
  int repeat_last_n = 64;
  std::vector<std::pair<std::int32_t, double>> logit_bias;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  std::uint64_t seed = 0;  // sample i draws with seed + i
  /// 0 or more: log-probabilities of each token, and of so many of the likeliest in its place.
  int top_logprobs = -1;
};

/// A token and how likely it was.
struct ScoredToken {
  std::int32_t id = 0;
  std::string bytes;             // what it adds to the text; may be part of a code point
  double log_probability = 0;    // natural, before temperature and truncation
  std::vector<ScoredToken> top;  // the likeliest in its place, in order; their own is empty
};

struct Generation {
  std::string text;
  std::string finish_reason;  // "stop", "length", "cancelled"
  std::int64_t tokens = 0;    // sampled, including the end-of-turn token
  std::vector<ScoredToken> logprobs;  // of each of them; empty unless asked for
};

struct Answer {
  std::vector<Generation> samples;
  std::int64_t prompt_tokens = 0;
  double first_token_ms = 0;  // from the call to the first token
  double total_ms = 0;
};

/// Receives text as it becomes final, whole code points only: index of the sample, the new text.
/// Returning false cancels the request, which then returns what it has; throwing fails it.
using OnText = std::function<bool(std::size_t, std::string_view)>;

class WHET_EXPORT Model {
 public:
  /// A GGUF file, a SafeTensors file, or a directory of SafeTensors with config.json.
  static Expected<Model> load(const std::string& path, const LoadOptions& options = {});

  /// Completes a raw prompt.
  Expected<Answer> generate(const std::string& prompt, const GenerateOptions& options = {},
                            const OnText& on_text = nullptr);
  /// Answers a conversation through the model's chat template.
  Expected<Answer> chat(const std::vector<Message>& messages, const GenerateOptions& options = {},
                        const OnText& on_text = nullptr);
  /// The ids that generate() reads of this text: a beginning-of-text token first where the model
  /// has one.
  Expected<std::vector<std::int32_t>> tokenize(const std::string& text) const;
  /// The text of these ids, control tokens as they are spelt. Ids outside the vocabulary are an
  /// error.
  Expected<std::string> detokenize(const std::vector<std::int32_t>& ids) const;
  /// Stops the requests that run now, from any thread; they return what they have.
  void cancel();

  Model(Model&&) noexcept;
  Model& operator=(Model&&) noexcept;
  ~Model();

 private:
  struct State;
  explicit Model(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace whet
