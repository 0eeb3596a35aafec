#include "draft/token_index.h"

#include <algorithm>

#include "base/check.h"
#include "base/rng.h"

namespace whet {
namespace {

// Occurrences that are compared, by the index of their order: the shorter the stretch, the less
// an older one says.
constexpr std::array<int, 3> kLooks = {6, 12, 48};
constexpr size_t kFirstSlots = 256;
constexpr size_t kMostTokens = size_t{1} << 30;

int64_t common_end(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t most = std::min({a.size(), b.size(), static_cast<size_t>(TokenIndex::kLongest)});
  size_t n = 0;
  while (n < most && a[a.size() - 1 - n] == b[b.size() - 1 - n] &&
         a[a.size() - 1 - n] != TokenIndex::kBreak) {
    ++n;
  }
  return static_cast<int64_t>(n);
}

}  // namespace

size_t TokenIndex::slot(std::span<const int32_t> end, size_t order) const {
  uint64_t hash = order;
  for (int32_t token : end.last(kOrders[order])) {
    hash = splitmix64(hash ^ static_cast<uint64_t>(static_cast<uint32_t>(token)));
  }
  return hash & (chains_[order].latest.size() - 1);
}

void TokenIndex::enter(size_t position) {
  const std::span<const int32_t> end = std::span(tokens_).first(position + 1);
  for (size_t order = 0; order < kOrders.size(); ++order) {
    Chain& chain = chains_[order];
    chain.previous.push_back(kNone);
    if (end.size() < kOrders[order]) continue;
    int32_t& latest = chain.latest[slot(end, order)];
    chain.previous.back() = latest;
    latest = static_cast<int32_t>(position);
  }
}

void TokenIndex::grow() {
  const size_t n_slots = std::max(kFirstSlots, 4 * tokens_.size());
  size_t size = kFirstSlots;
  while (size < n_slots) size *= 2;
  for (Chain& chain : chains_) {
    chain.latest.assign(size, kNone);
    chain.previous.clear();
  }
  for (size_t i = 0; i < tokens_.size(); ++i) enter(i);
}

void TokenIndex::append(int32_t token) {
  WHET_CHECK(tokens_.size() < kMostTokens);
  tokens_.push_back(token);
  if (tokens_.size() > chains_[0].latest.size() / 2) {
    grow();
  } else {
    enter(tokens_.size() - 1);
  }
}

void TokenIndex::keep_last(size_t n) {
  if (tokens_.size() <= n) return;
  tokens_.erase(tokens_.begin(), tokens_.end() - static_cast<ptrdiff_t>(n));
  grow();
}

TokenIndex::Match TokenIndex::find(std::span<const int32_t> text) const {
  Match best;
  if (tokens_.empty()) return best;
  for (size_t order = kOrders.size(); order-- > 0;) {
    if (text.size() < kOrders[order]) continue;
    const Chain& chain = chains_[order];
    int32_t at = chain.latest[slot(text, order)];
    for (int looks = kLooks[order]; at != kNone && looks > 0;
         at = chain.previous[static_cast<size_t>(at)], --looks) {
      const size_t next = static_cast<size_t>(at) + 1;
      if (next == tokens_.size() || tokens_[next] == kBreak) continue;
      const int64_t length = common_end(std::span(tokens_).first(next), text);
      if (length > best.length) best = {next, length};
      if (best.length == kLongest) return best;
    }
    // Not what another stretch of the same hash has in common.
    if (best.length >= static_cast<int64_t>(kOrders[order])) return best;
  }
  return best;
}

std::span<const int32_t> TokenIndex::following(const Match& match, size_t n) const {
  if (match.length == 0) return {};
  const std::span<const int32_t> rest = std::span(tokens_).subspan(match.next);
  const auto end = std::ranges::find(rest, kBreak);
  return rest.first(std::min(n, static_cast<size_t>(end - rest.begin())));
}

}  // namespace whet
