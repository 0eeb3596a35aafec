// Endpoint: one engine behind one address: asked once what it is and can do, then sent requests.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "generator/generator.h"
#include "http/client.h"
#include "remote/abilities.h"
#include "remote/address.h"
#include "remote/openai_wire.h"
#include "remote/reply_news.h"

namespace whet::remote {

struct EndpointOptions {
  std::string key = {};            // sent as a bearer token, to this origin only; empty = none
  int stall_timeout_ms = 600'000;  // in which the engine must send something
  int start_timeout_ms = 120'000;  // in which an engine that is still loading must be there
  size_t max_bytes = size_t{256} << 20;  // of a reply, for each completion: an engine may not end
};

/// What one request came to.
struct Attempt {
  std::optional<Error> error;
  bool may_repeat = false;     // it was not taken: no connection, 429, 503; nothing was delivered
  int64_t retry_after_ms = 0;  // that the engine asks for; 0 = it says nothing
  std::optional<int64_t> n_prompt_tok, n_cached_tok, n_completion_tok;
};

class Endpoint {
 public:
  using PieceSink = std::function<void(Piece&&)>;

  /// Asks the engine for its models and, with a request of one token, for what it can do.
  /// Errors: kUnavailable: nobody answers; kInvalidArgument: the key, the model's name (says which
  /// there are); kIo: an answer that makes no sense.
  static Result<std::unique_ptr<Endpoint>> open(const Address& address,
                                                const EndpointOptions& options,
                                                const http::Cancelled& cancelled);

  const Address& address() const { return address_; }
  const Abilities& abilities() const { return abilities_; }
  /// What a user should know before anything is spent: abilities that are missing.
  const std::vector<std::string>& notes() const { return notes_; }

  /// One request for `n` completions with the sampling of samples[sample]. Pieces come on this
  /// thread, numbered from 0. Threads: safe.
  Attempt generate(const GenerateRequest& request, size_t sample, size_t n, const PieceSink& sink,
                   const http::Cancelled& cancelled);
  /// Log-probabilities of the tokens of `continuation` behind `text`.
  Result<std::vector<TokenInfo>> score(const std::string& text, std::string_view continuation,
                                       const http::Cancelled& cancelled);

 private:
  struct Answer {
    int status = 0;
    std::string body;
  };
  Endpoint(Address address, EndpointOptions options)
      : address_(std::move(address)), options_(std::move(options)) {}

  http::Request request_to(const std::string& path) const;
  /// A small request with a whole answer; waits where the engine is still loading.
  Result<Answer> ask(const std::string& path, const std::string& body,
                     const http::Cancelled& cancelled);
  Error refusal(int status, std::string_view body) const;
  Status find_model(const std::vector<std::string>& names);
  Status open_openai(const http::Cancelled& cancelled);
  Status probe_openai(const http::Cancelled& cancelled);
  Status open_ollama(const http::Cancelled& cancelled);
  Status probe_ollama(const http::Cancelled& cancelled);
  void note_what_is_missing();

  const Address address_;
  const EndpointOptions options_;
  Abilities abilities_;
  std::vector<std::string> notes_;
  http::Client client_;
};

}  // namespace whet::remote
