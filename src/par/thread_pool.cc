#include "par/thread_pool.h"

#include "par/team_placement.h"

namespace whet {
namespace {

// About 20 to 50 microseconds of pause instructions: longer than the gaps between the operators of
// one forward pass, far shorter than a scheduling quantum.
constexpr int kSpins = 2000;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads, const std::vector<NumaNode>& nodes)
    : size_(threads), shares_(place_team(threads, nodes)) {
  const std::vector<int> node_of_member = place_team(threads, nodes);
  for (int i = 1; i < threads; ++i) {
    const NumaNode home = nodes[static_cast<size_t>(node_of_member[static_cast<size_t>(i)])];
    workers_.emplace_back([this, i, home, bind = nodes.size() > 1] {
      // Where the kernel refuses, the worker is only further from its rows.
      if (bind) bind_thread(home);
      worker_loop(i);
    });
  }
}

ThreadPool::~ThreadPool() {
  stopping_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(Region region) {
  region_ = region;
  shares_.deal(region.n);
  busy_.store(size_ - 1, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  work(0);
  for (int spins = 0; busy_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < kSpins) {
      pause();
    } else {
      int busy = busy_.load(std::memory_order_acquire);
      if (busy != 0) busy_.wait(busy, std::memory_order_acquire);
    }
  }
}

void ThreadPool::work(int member) {
  for (int64_t i; (i = shares_.take(member)) >= 0;) region_.call(region_.context, i);
}

void ThreadPool::worker_loop(int member) {
  uint32_t seen = 0;
  while (true) {
    uint32_t current = generation_.load(std::memory_order_acquire);
    for (int spins = 0; current == seen; ++spins) {
      if (spins < kSpins) {
        pause();
      } else {
        generation_.wait(seen, std::memory_order_acquire);
      }
      current = generation_.load(std::memory_order_acquire);
    }
    seen = current;
    if (stopping_.load(std::memory_order_relaxed)) return;
    work(member);
    if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) busy_.notify_one();
  }
}

}  // namespace whet
