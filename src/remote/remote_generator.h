// RemoteGenerator: other engines behind the one door. Completions that are alike go as one request
// where the engine has `n`, else as requests side by side; several endpoints share them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "generator/generator.h"
#include "remote/fleet.h"

namespace whet::remote {

struct RemoteOptions {
  std::vector<std::string> addresses =
      {};  // address.h; those behind the first may leave out the model
  EndpointOptions endpoint = {};
  /// The key for an address, which no other may see; none: endpoint.key for all.
  std::function<std::string(const std::string& address)> key_of = {};
  int most_per_endpoint = 16;  // completions in work at once
};

class RemoteGenerator : public Generator {
 public:
  /// Asks every endpoint what it can do. Errors: of an address or endpoint, named.
  static Result<std::unique_ptr<RemoteGenerator>> open(const RemoteOptions& options,
                                                       const CancelFlag* cancel = nullptr);

  const ModelDescription& describe() const override { return description_; }
  /// What a user should know before anything is spent.
  const std::vector<std::string>& notes() const { return notes_; }

  /// "llama-server": who answers, of the first endpoint.
  std::string_view engine() const;
  /// Whether every endpoint can be told to go on behind the end of an answer.
  bool takes_ignore_eos() const;

  /// Times are those of this side. A request that no engine took (no connection, 429, 503) is sent
  /// again, to another endpoint where there is one; one that was taken never is.
  /// Errors: kUnavailable where an endpoint cannot do what is asked.
  Result<GenerateResult> generate(const GenerateRequest& request,
                                  const EventSink& on_event = nullptr,
                                  const CancelFlag* cancel = nullptr) override;
  /// Only of texts, and only by engines that echo (whet, vLLM).
  Result<std::vector<TokenInfo>> score(const Prompt& prompt, std::string_view continuation,
                                       const CancelFlag* cancel = nullptr) override;
  /// Unknown: an engine tells when it has answered.
  Result<std::optional<int64_t>> count_prompt_tokens(const GenerateRequest& request) override;

 private:
  RemoteGenerator(std::vector<std::unique_ptr<Endpoint>> endpoints, size_t most);

  Fleet fleet_;
  ModelDescription description_;
  std::vector<std::string> notes_;
};

}  // namespace whet::remote
