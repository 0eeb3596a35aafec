// The tasks of one parallel region, dealt to the members of a team.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace whet {

/// Each member owns a range of consecutive tasks and takes them in order, so that what it
/// prefetches behind one task is its own next one, and so that in every region of the same size it
/// reads the same rows of a matrix: they stay in its caches and, on a NUMA machine, in its node's
/// memory. Whoever is done takes from the far end of another's range, of its own node first.
/// Threads: take() is safe from all members at once, deal() while nobody takes.
class WorkShares {
 public:
  /// node_of_member: NUMA node of each member; members of one node should follow each other.
  explicit WorkShares(const std::vector<int>& node_of_member);

  struct Range {
    int64_t begin, end;
  };
  /// The tasks of n that belong to `member`; lengths differ by at most one.
  Range range_of(int64_t n, int member) const;

  /// Deals tasks 0 to n - 1; n < 2^32.
  void deal(int64_t n);
  /// The next task for `member`, or -1 when all are taken.
  int64_t take(int member);

 private:
  // The range that is left, begin << 32 | end, alone on its cache line.
  struct alignas(64) Share {
    std::atomic<uint64_t> left{0};
  };

  int64_t size_;
  std::unique_ptr<Share[]> shares_;
  std::vector<std::vector<int>> victims_;  // of each member, in the order in which it asks them
};

}  // namespace whet
