// A fixed team of threads that runs one parallel region at a time. Workers spin briefly between
// regions of one forward pass and sleep on a futex otherwise, so an idle process burns no CPU.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

#include "par/work_shares.h"
#include "sys/machine.h"

namespace whet {

class ThreadPool {
 public:
  /// A team of `threads` (>= 1), the calling thread included. On a machine with several NUMA nodes
  /// the workers are bound to nodes; the caller, whose thread is not ours, counts as of the first.
  explicit ThreadPool(int threads) : ThreadPool(threads, numa_nodes()) {}
  ThreadPool(int threads, const std::vector<NumaNode>& nodes);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return size_; }

  /// Calls task(i) for every i in [0, n) on the team and returns when all are done. Each member has
  /// a range of its own and helps others at the end (WorkShares), so a disturbed core delays
  /// nobody. Not reentrant: one caller at a time, and tasks must not call it. Work that
  /// `worth_a_team` denies stays on the caller.
  template <typename Task>
  void for_each(int64_t n, Task&& task, bool worth_a_team = true) {
    if (n <= 0) return;
    if (size_ == 1 || n == 1 || !worth_a_team) {
      for (int64_t i = 0; i < n; ++i) task(i);
      return;
    }
    using Callable = std::remove_reference_t<Task>;
    run({n, const_cast<void*>(static_cast<const void*>(&task)),
         [](void* context, int64_t i) { (*static_cast<Callable*>(context))(i); }});
  }

 private:
  struct Region {
    int64_t n;
    void* context;
    void (*call)(void* context, int64_t index);
  };

  void run(Region region);
  void work(int member);
  void worker_loop(int member);

  const int size_;
  Region region_{};
  WorkShares shares_;
  std::vector<std::thread> workers_;
  alignas(64) std::atomic<uint32_t> generation_{0};
  alignas(64) std::atomic<int> busy_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace whet
