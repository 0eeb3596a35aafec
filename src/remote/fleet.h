// Fleet: endpoints that answer for one model. Each request goes to the one that has least to do.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "http/client.h"
#include "remote/endpoint.h"

namespace whet::remote {

class Fleet {
 public:
  /// `most`: completions that one endpoint is given at once.
  Fleet(std::vector<std::unique_ptr<Endpoint>> endpoints, size_t most);

  /// An endpoint and its share of the work, given back when this goes.
  class Lease {
   public:
    Lease(Fleet& fleet, size_t index, size_t n) : fleet_(&fleet), index_(index), n_(n) {}
    Lease(Lease&& other) noexcept : fleet_(other.fleet_), index_(other.index_), n_(other.n_) {
      other.fleet_ = nullptr;
    }
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (fleet_ != nullptr) fleet_->give_back(index_, n_);
    }
    Endpoint& endpoint() const { return *fleet_->members_[index_].endpoint; }
    /// No further work for this endpoint for a while: it is away or overloaded.
    void rest(int64_t ms) const { fleet_->rest(index_, ms); }

   private:
    Fleet* fleet_;
    size_t index_, n_;
  };

  /// The endpoint with the fewest completions in work, once one has room for `n` (a request for
  /// more than the most goes to an idle one). Errors: kCancelled.
  Result<Lease> take(size_t n, const http::Cancelled& cancelled);

  size_t size() const { return members_.size(); }
  size_t most() const { return most_; }
  const Endpoint& endpoint(size_t index) const { return *members_[index].endpoint; }

 private:
  struct Member {
    std::unique_ptr<Endpoint> endpoint;
    size_t n_running = 0;
    int64_t rests_until_ns = 0;
  };
  void give_back(size_t index, size_t n);
  void rest(size_t index, int64_t ms);

  const size_t most_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Member> members_;
  size_t next_ = 0;  // where the search begins, so that equals take turns
};

}  // namespace whet::remote
