#include "remote/fleet.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/clock.h"

namespace whet::remote {
namespace {

constexpr auto kFleetLooksAgain = std::chrono::milliseconds(20);

}  // namespace

Fleet::Fleet(std::vector<std::unique_ptr<Endpoint>> endpoints, size_t most) : most_(most) {
  WHET_CHECK(!endpoints.empty() && most > 0);
  for (auto& endpoint : endpoints) members_.push_back({std::move(endpoint)});
}

Result<Fleet::Lease> Fleet::take(size_t n, const http::Cancelled& cancelled) {
  std::unique_lock lock(mutex_);
  while (true) {
    const int64_t now = monotonic_ns();
    std::optional<size_t> best;
    for (size_t k = 0; k < members_.size(); ++k) {
      const size_t i = (next_ + k) % members_.size();
      const Member& member = members_[i];
      const bool has_room = member.n_running == 0 || member.n_running + n <= most_;
      if (!has_room || member.rests_until_ns > now) continue;
      if (!best || member.n_running < members_[*best].n_running) best = i;
    }
    if (best) {
      members_[*best].n_running += n;
      next_ = (*best + 1) % members_.size();
      return Lease(*this, *best, n);
    }
    changed_.wait_for(lock, kFleetLooksAgain);
    if (cancelled && cancelled()) return Error(ErrorCode::kCancelled, "cancelled");
  }
}

void Fleet::give_back(size_t index, size_t n) {
  const std::lock_guard lock(mutex_);
  members_[index].n_running -= n;
  changed_.notify_all();
}

void Fleet::rest(size_t index, int64_t ms) {
  const std::lock_guard lock(mutex_);
  members_[index].rests_until_ns = monotonic_ns() + ms * 1'000'000;
}

}  // namespace whet::remote
