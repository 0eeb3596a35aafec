#include "remote/remote_generator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/clock.h"
#include "remote/gathering.h"

namespace whet::remote {
namespace {

constexpr int kMostAttempts = 8;
constexpr int64_t kFirstRestMs = 100, kLongestRestMs = 30'000;

/// Samples first..first+n-1, one request.
struct Share {
  size_t first, n;
};

bool alike(const SamplingParams& a, const SamplingParams& b) {
  return a.temperature == b.temperature && a.top_k == b.top_k && a.top_p == b.top_p &&
         a.min_p == b.min_p && a.repeat_penalty == b.repeat_penalty &&
         a.presence_penalty == b.presence_penalty && a.frequency_penalty == b.frequency_penalty &&
         a.repeat_last_n == b.repeat_last_n && a.logit_bias == b.logit_bias;
}

/// Completions that every endpoint gives for one request.
size_t most_of_one_request(const Fleet& fleet) {
  size_t most = SIZE_MAX;
  for (size_t i = 0; i < fleet.size(); ++i) {
    const Abilities& abilities = fleet.endpoint(i).abilities();
    if (!abilities.n) return 1;
    if (abilities.most_n > 0) most = std::min(most, static_cast<size_t>(abilities.most_n));
  }
  return most;
}

/// Runs of equal sampling, each cut into as many requests as there are endpoints, or more where an
/// engine's `n` has a limit.
std::vector<Share> shares_of(const std::vector<SamplingParams>& samples, const Fleet& fleet) {
  const size_t limit = most_of_one_request(fleet);
  std::vector<Share> shares;
  for (size_t begin = 0; begin < samples.size();) {
    size_t end = begin + 1;
    while (end < samples.size() && alike(samples[begin], samples[end])) ++end;
    const size_t n = end - begin;
    const size_t most = std::min(limit, (n + fleet.size() - 1) / fleet.size());
    for (size_t first = begin; first < end; first += most) {
      shares.push_back({first, std::min(most, end - first)});
    }
    begin = end;
  }
  return shares;
}

http::Cancelled asks(const CancelFlag* cancel) {
  return [cancel] { return cancel != nullptr && cancel->cancelled(); };
}

/// Sends one share, to one endpoint after another while none takes it.
void run_share(Fleet& fleet, const GenerateRequest& request, Share share, Gathering& gathering) {
  std::vector<bool> seen(share.n);
  const auto cancelled = [&] { return gathering.is_unwanted(share.first, share.n); };
  int64_t rest_ms = kFirstRestMs;
  Attempt attempt;
  for (int n_tried = 1;; ++n_tried, rest_ms = std::min(2 * rest_ms, kLongestRestMs)) {
    auto lease = fleet.take(share.n, cancelled);
    if (!lease.ok()) {
      attempt = {};
      attempt.error = lease.error();
      break;
    }
    attempt = lease->endpoint().generate(
        request, share.first, share.n,
        [&](Piece&& piece) {
          seen[piece.choice] = true;
          const size_t sample = share.first + piece.choice;
          gathering.add(sample, std::move(piece), monotonic_ns());
        },
        cancelled);
    const bool repeats = attempt.may_repeat && n_tried < kMostAttempts && !cancelled();
    if (!repeats) break;
    lease->rest(attempt.retry_after_ms > 0 ? std::min(attempt.retry_after_ms, kLongestRestMs)
                                           : rest_ms);
  }
  const auto n_seen = static_cast<size_t>(std::count(seen.begin(), seen.end(), true));
  if (!attempt.error && n_seen < share.n) {
    attempt.error =
        Error(ErrorCode::kIo,
              fmt::format("expected {} completions of one request (n), found {}", share.n, n_seen));
  }
  gathering.end(share.first, share.n, attempt);
}

}  // namespace

Result<std::unique_ptr<RemoteGenerator>> RemoteGenerator::open(const RemoteOptions& options,
                                                               const CancelFlag* cancel) {
  std::vector<std::unique_ptr<Endpoint>> endpoints;
  for (const std::string& text : options.addresses) {
    WHET_TRY(Address address, parse_address(text));
    if (address.model.empty() && !endpoints.empty()) {
      address.model = endpoints.front()->abilities().model;
    }
    EndpointOptions own = options.endpoint;
    if (options.key_of) own.key = options.key_of(text);
    WHET_TRY(auto endpoint, Endpoint::open(address, own, asks(cancel)));
    endpoints.push_back(std::move(endpoint));
  }
  if (endpoints.empty()) {
    return Error(ErrorCode::kInvalidArgument, "expected an address of an engine, found none");
  }
  return std::unique_ptr<RemoteGenerator>(
      new RemoteGenerator(std::move(endpoints), static_cast<size_t>(options.most_per_endpoint)));
}

RemoteGenerator::RemoteGenerator(std::vector<std::unique_ptr<Endpoint>> endpoints, size_t most)
    : fleet_(std::move(endpoints), most) {
  const Endpoint& first = fleet_.endpoint(0);
  const Abilities& abilities = first.abilities();
  description_.name = abilities.model;
  description_.n_parameters = abilities.n_parameters;
  description_.n_bytes = abilities.n_bytes;
  description_.context = abilities.context;
  description_.trained_context = abilities.trained_context;
  description_.vocab_size = abilities.vocab_size;
  description_.has_chat_template = true;
  std::vector<std::string> bases;
  for (size_t i = 0; i < fleet_.size(); ++i) {
    const Endpoint& endpoint = fleet_.endpoint(i);
    const Abilities& other = endpoint.abilities();
    bases.push_back(endpoint.address().base);
    description_.has_chat_template &= other.chat;
    description_.can.logprobs &= other.logprobs;
    description_.can.prompt_logprobs &= other.prompt_logprobs;
    description_.can.shared_prefill &= other.n;
    description_.can.ids = false;
    if (other.context > 0) {
      description_.context =
          description_.context > 0 ? std::min(description_.context, other.context) : other.context;
    }
    notes_.insert(notes_.end(), endpoint.notes().begin(), endpoint.notes().end());
  }
  description_.endpoint =
      fmt::format("{} ({})", fmt::join(bases, ", "), engine_name(abilities.engine));
}

std::string_view RemoteGenerator::engine() const {
  return engine_name(fleet_.endpoint(0).abilities().engine);
}

bool RemoteGenerator::takes_ignore_eos() const {
  for (size_t i = 0; i < fleet_.size(); ++i) {
    const Endpoint& endpoint = fleet_.endpoint(i);
    const bool extends = takes_extensions(endpoint.abilities().engine);
    if (!extends || endpoint.address().dialect == Dialect::kOllama) return false;
  }
  return true;
}

Result<GenerateResult> RemoteGenerator::generate(const GenerateRequest& request,
                                                 const EventSink& on_event,
                                                 const CancelFlag* cancel) {
  if (request.samples.empty()) {
    return Error(ErrorCode::kInvalidArgument, "expected at least one sample, found none");
  }
  const std::vector<Share> shares = shares_of(request.samples, fleet_);
  Gathering gathering(request, on_event, cancel);
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i; (i = next++) < shares.size();) run_share(fleet_, request, shares[i], gathering);
  };
  std::vector<std::jthread> threads;  // each blocks on one connection at a time
  const size_t n_threads = std::min(shares.size(), fleet_.size() * fleet_.most());
  for (size_t i = 0; i < n_threads; ++i) threads.emplace_back(work);
  gathering.take_all(shares.size());
  threads.clear();
  return gathering.result();
}

Result<std::vector<TokenInfo>> RemoteGenerator::score(const Prompt& prompt,
                                                      std::string_view continuation,
                                                      const CancelFlag* cancel) {
  const auto* text = std::get_if<std::string>(&prompt);
  if (text == nullptr || !description_.can.prompt_logprobs) {
    return Error(
        ErrorCode::kUnavailable,
        fmt::format("{}: expected a text to score and an engine that echoes "
                    "log-probabilities (whet, vLLM), found {}",
                    description_.endpoint, text == nullptr ? "a conversation or ids" : "another"));
  }
  WHET_TRY(const auto lease, fleet_.take(1, asks(cancel)));
  return lease.endpoint().score(*text, continuation, asks(cancel));
}

Result<std::optional<int64_t>> RemoteGenerator::count_prompt_tokens(const GenerateRequest&) {
  return std::optional<int64_t>();
}

}  // namespace whet::remote
