#include "par/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <string>

namespace whet {
namespace {

TEST(ThreadPool, RunsEveryIndexExactlyOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (int64_t n : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> hits(static_cast<size_t>(n));
      pool.for_each(n, [&](int64_t i) { hits[static_cast<size_t>(i)]++; });
      for (auto& hit : hits) EXPECT_EQ(hit.load(), 1);
    }
  }
}

TEST(ThreadPool, WritesAreVisibleAfterTheRegion) {
  ThreadPool pool(4);
  std::vector<int64_t> values(64);
  for (int64_t round = 0; round < 2000; ++round) {
    pool.for_each(64, [&](int64_t i) { values[static_cast<size_t>(i)] = round + i; });
    ASSERT_EQ(std::accumulate(values.begin(), values.end(), int64_t{0}), 64 * round + 2016);
  }
}

TEST(ThreadPool, AMemberThatIsStuckIsHelped) {
  ThreadPool pool(3);
  std::atomic<int> done{0};
  // Task 0 ends only when all others have: nobody may be waiting behind it.
  pool.for_each(100, [&](int64_t i) {
    if (i == 0) {
      while (done.load() < 99) std::this_thread::yield();
    }
    done++;
  });
  EXPECT_EQ(done.load(), 100);
}

TEST(ThreadPool, WorkersBindToTheirNodes) {
  const std::vector<NumaNode> one = numa_nodes();
  ASSERT_FALSE(one.empty());
  // Two nodes of the same CPUs, since no test can count on a second one.
  ThreadPool pool(4, {one[0], one[0]});
  std::atomic<int> done{0};
  pool.for_each(64, [&](int64_t) { done++; });
  EXPECT_EQ(done.load(), 64);
}

/// The threads of this process: id and what the kernel says that they do ('R' runs, 'S' sleeps).
std::map<std::string, char> threads_and_states() {
  std::map<std::string, char> states;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "stat");
    std::string stat;
    std::getline(file, stat);
    const size_t name_end = stat.rfind(") ");
    if (name_end != std::string::npos) states[task.path().filename()] = stat[name_end + 2];
  }
  return states;
}

TEST(ThreadPool, IdleWorkersSleep) {
  const auto others = threads_and_states();
  ThreadPool pool(4);
  pool.for_each(8, [](int64_t) {});
  const auto n_asleep = [&] {
    int n = 0;
    for (const auto& [id, state] : threads_and_states()) n += !others.contains(id) && state == 'S';
    return n;
  };
  // A worker that spins for ever never sleeps; only such a failure takes so long.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (n_asleep() < 3 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(n_asleep(), 3);
}

}  // namespace
}  // namespace whet
