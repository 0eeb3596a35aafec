// WatchedGenerator: a generator that tells of each call that went through it.
#pragma once

#include <functional>
#include <utility>

#include "generator/generator.h"

namespace whet::serve {

class WatchedGenerator : public Generator {
 public:
  using OnCall = std::function<void(const GenerateResult&)>;
  /// Both outlive this. `on_call` comes on the thread that called.
  WatchedGenerator(Generator& watched, OnCall on_call)
      : watched_(watched), on_call_(std::move(on_call)) {}

  const ModelDescription& describe() const override { return watched_.describe(); }
  Result<GenerateResult> generate(const GenerateRequest& request, const EventSink& on_event,
                                  const CancelFlag* cancel) override {
    auto result = watched_.generate(request, on_event, cancel);
    if (result.ok()) on_call_(*result);
    return result;
  }
  Result<std::vector<TokenInfo>> score(const Prompt& prompt, std::string_view continuation,
                                       const CancelFlag* cancel) override {
    return watched_.score(prompt, continuation, cancel);
  }
  Result<std::optional<int64_t>> count_prompt_tokens(const GenerateRequest& request) override {
    return watched_.count_prompt_tokens(request);
  }
  Result<std::vector<Embedding>> embed(const EmbedRequest& request,
                                       const CancelFlag* cancel) override {
    return watched_.embed(request, cancel);
  }

 private:
  Generator& watched_;
  const OnCall on_call_;
};

}  // namespace whet::serve
