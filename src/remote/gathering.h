// Gathering: pieces of answers from several threads, made into one result and one stream of events
// on the thread that asked.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "generator/generator.h"
#include "remote/endpoint.h"

namespace whet::remote {

class Gathering {
 public:
  Gathering(const GenerateRequest& request, const EventSink& on_event, const CancelFlag* cancel);

  // For the threads that ask engines.
  void add(size_t sample, Piece&& piece, int64_t ns);
  /// The request for samples first..first+n-1 has ended.
  void end(size_t first, size_t n, const Attempt& attempt);
  /// Whether nobody wants samples first..first+n-1 any more.
  bool is_unwanted(size_t first, size_t n) const;
  /// Whether the whole request is.
  bool is_over() const;

  /// Takes pieces and calls the sink until `n_requests` have ended. On the asking thread.
  void take_all(size_t n_requests);
  /// After that. Errors: the first of a request.
  Result<GenerateResult> result();

 private:
  struct News {
    size_t sample;
    Piece piece;
    int64_t ns;
  };
  struct Ended {
    size_t first, n;
    Attempt attempt;
  };
  struct Open {
    bool thinks = false, has_finish = false;
    int64_t n_seen = 0;                // tokens, or pieces where the engine does not tell tokens
    std::optional<int64_t> n_counted;  // by the engine
  };
  void take(News& news);
  void take(const Ended& ended);
  void count_tokens(const Ended& ended);
  void emit(size_t sample, std::string_view text, const std::vector<TokenInfo>& tokens,
            std::optional<FinishReason> finish);
  FinishReason reason_of_end() const;

  const GenerateRequest& request_;
  const EventSink& on_event_;
  const CancelFlag* cancel_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<News> news_;
  std::deque<Ended> ended_;
  std::vector<std::atomic<bool>> dropped_;  // per sample: the sink has enough
  std::atomic<bool> all_dropped_{false};
  std::vector<Open> open_;
  GenerateResult result_;
  std::optional<Error> error_;
};

/// `total` in shares like `weights`, whole numbers that add up to it.
std::vector<int64_t> apportioned(int64_t total, const std::vector<int64_t>& weights);

}  // namespace whet::remote
