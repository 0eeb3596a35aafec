#include "par/work_shares.h"

#include <algorithm>

#include "base/check.h"

namespace whet {
namespace {

constexpr uint64_t packed(int64_t begin, int64_t end) {
  return static_cast<uint64_t>(begin) << 32 | static_cast<uint64_t>(end);
}

enum class End { kFront, kBack };

int64_t take_from(std::atomic<uint64_t>& left, End side) {
  uint64_t seen = left.load(std::memory_order_relaxed);
  while (true) {
    const auto begin = static_cast<int64_t>(seen >> 32);
    const auto end = static_cast<int64_t>(seen & 0xffffffffu);
    if (begin >= end) return -1;
    const uint64_t rest = side == End::kFront ? packed(begin + 1, end) : packed(begin, end - 1);
    // What a task reads was published with the region, what it writes is when the region ends.
    if (left.compare_exchange_weak(seen, rest, std::memory_order_relaxed)) {
      return side == End::kFront ? begin : end - 1;
    }
  }
}

}  // namespace

WorkShares::WorkShares(const std::vector<int>& node_of_member)
    : size_(static_cast<int64_t>(node_of_member.size())),
      shares_(std::make_unique<Share[]>(node_of_member.size())),
      victims_(node_of_member.size()) {
  WHET_CHECK(size_ >= 1);
  for (size_t member = 0; member < victims_.size(); ++member) {
    std::vector<int>& order = victims_[member];
    for (size_t step = 1; step < victims_.size(); ++step) {
      order.push_back(static_cast<int>((member + step) % victims_.size()));
    }
    const int home = node_of_member[member];
    std::stable_partition(order.begin(), order.end(), [&](int other) {
      return node_of_member[static_cast<size_t>(other)] == home;
    });
  }
}

WorkShares::Range WorkShares::range_of(int64_t n, int member) const {
  return {n * member / size_, n * (member + 1) / size_};
}

void WorkShares::deal(int64_t n) {
  WHET_CHECK(n >= 0 && n <= int64_t{0xffffffff});
  for (int64_t member = 0; member < size_; ++member) {
    const Range range = range_of(n, static_cast<int>(member));
    shares_[static_cast<size_t>(member)].left.store(packed(range.begin, range.end),
                                                    std::memory_order_relaxed);
  }
}

int64_t WorkShares::take(int member) {
  const auto self = static_cast<size_t>(member);
  int64_t task = take_from(shares_[self].left, End::kFront);
  for (size_t i = 0; task < 0 && i < victims_[self].size(); ++i) {
    task = take_from(shares_[static_cast<size_t>(victims_[self][i])].left, End::kBack);
  }
  return task;
}

}  // namespace whet
