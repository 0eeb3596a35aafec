#include "par/work_shares.h"

#include <gtest/gtest.h>

#include <queue>
#include <set>
#include <thread>

#include "base/rng.h"
#include "par/team_placement.h"

namespace whet {
namespace {

std::vector<NumaNode> nodes_of(const std::vector<int>& cpus_per_node) {
  std::vector<NumaNode> nodes;
  int cpu = 0;
  for (int n : cpus_per_node) {
    NumaNode node;
    for (int i = 0; i < n; ++i) node.cpus.push_back(cpu++);
    nodes.push_back(node);
  }
  return nodes;
}

TEST(PlaceTeam, FillsNodesInProportion) {
  EXPECT_EQ(place_team(4, nodes_of({8, 8})), (std::vector<int>{0, 0, 1, 1}));
  EXPECT_EQ(place_team(4, nodes_of({6, 2})), (std::vector<int>{0, 0, 0, 1}));
  EXPECT_EQ(place_team(3, nodes_of({1})), (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(place_team(1, nodes_of({4, 4})), (std::vector<int>{0}));
}

TEST(ParseCpuList, KernelNotation) {
  EXPECT_EQ(parse_cpu_list("0-3,8"), (std::vector<int>{0, 1, 2, 3, 8}));
  EXPECT_EQ(parse_cpu_list("5"), (std::vector<int>{5}));
  EXPECT_EQ(parse_cpu_list(""), (std::vector<int>{}));
  for (const char* bad : {"x", "3-1", "-1", "0-", "1;2", "0-99999999", "1,,2", "1,"}) {
    EXPECT_TRUE(parse_cpu_list(bad).empty()) << bad;
  }
}

TEST(WorkShares, RangesCoverAllTasks) {
  const WorkShares shares(std::vector<int>(7, 0));
  for (int64_t n : {0, 1, 6, 7, 1000}) {
    int64_t next = 0;
    for (int member = 0; member < 7; ++member) {
      const WorkShares::Range range = shares.range_of(n, member);
      EXPECT_EQ(range.begin, next);
      EXPECT_LE(range.end - range.begin, n / 7 + 1);
      next = range.end;
    }
    EXPECT_EQ(next, n);
  }
}

TEST(WorkShares, OwnTasksInOrderThenTheNeighboursLast) {
  WorkShares shares({0, 0, 1, 1});
  shares.deal(8);
  EXPECT_EQ(shares.take(3), 6);
  EXPECT_EQ(shares.take(3), 7);
  EXPECT_EQ(shares.take(3), 5) << "of member 2, which shares its node";
  EXPECT_EQ(shares.take(3), 4);
  EXPECT_EQ(shares.take(3), 1) << "then of another node";
  std::set<int64_t> rest;
  for (int64_t task; (task = shares.take(1)) >= 0;) rest.insert(task);
  EXPECT_EQ(rest, (std::set<int64_t>{0, 2, 3}));
  EXPECT_EQ(shares.take(0), -1);
}

TEST(WorkShares, ThreadsTakeEveryTaskOnce) {
  constexpr int kMembers = 6;
  constexpr int64_t kTasks = 20000;
  WorkShares shares({0, 0, 0, 1, 1, 1});
  for (int round = 0; round < 5; ++round) {
    shares.deal(kTasks);
    std::vector<std::atomic<int>> hits(kTasks);
    std::vector<std::thread> team;
    for (int member = 0; member < kMembers; ++member) {
      team.emplace_back([&, member] {
        for (int64_t task; (task = shares.take(member)) >= 0;) hits[static_cast<size_t>(task)]++;
      });
    }
    for (std::thread& thread : team) thread.join();
    for (auto& hit : hits) ASSERT_EQ(hit.load(), 1);
  }
}

/// A team in simulated time: every member takes a task whenever it is free.
struct Simulated {
  double home_share;  // of the tasks, those that ran on the node whose memory holds their rows
  double makespan;    // in units of the ideal one
};
Simulated simulate(const std::vector<NumaNode>& nodes, int threads, int64_t n,
                   const std::vector<double>& seconds_per_task) {
  const std::vector<int> node_of_member = place_team(threads, nodes);
  WorkShares shares(node_of_member);
  shares.deal(n);
  std::vector<int> home(static_cast<size_t>(n));
  for (int member = 0; member < threads; ++member) {
    const WorkShares::Range range = shares.range_of(n, member);
    for (int64_t i = range.begin; i < range.end; ++i) {
      home[static_cast<size_t>(i)] = node_of_member[static_cast<size_t>(member)];
    }
  }
  using Free = std::pair<double, int>;  // when, who
  std::priority_queue<Free, std::vector<Free>, std::greater<>> queue;
  double speed = 0;
  for (int member = 0; member < threads; ++member) {
    queue.emplace(0.0, member);
    speed += 1 / seconds_per_task[static_cast<size_t>(member)];
  }
  int64_t at_home = 0;
  double end = 0;
  while (!queue.empty()) {
    const auto [now, member] = queue.top();
    queue.pop();
    const int64_t task = shares.take(member);
    if (task < 0) continue;
    const auto self = static_cast<size_t>(member);
    at_home += home[static_cast<size_t>(task)] == node_of_member[self] ? 1 : 0;
    end = std::max(end, now + seconds_per_task[self]);
    queue.emplace(now + seconds_per_task[self], member);
  }
  return {static_cast<double>(at_home) / static_cast<double>(n),
          end * speed / static_cast<double>(n)};
}

TEST(WorkShares, SimulatedNodesReadTheirOwnMemory) {
  const CounterRng rng(7, 1);
  for (const auto& cpus : {std::vector<int>{16, 16}, std::vector<int>{16, 16, 16, 16}}) {
    const std::vector<NumaNode> nodes = nodes_of(cpus);
    const int threads = static_cast<int>(cpus.size()) * 16;
    std::vector<double> pace;  // within 10 % of each other
    for (int i = 0; i < threads; ++i) {
      pace.push_back(1.0 + 0.1 * rng.uniform(static_cast<uint64_t>(i)));
    }
    const Simulated even = simulate(nodes, threads, threads * 40, pace);
    EXPECT_GT(even.home_share, 0.98);
    EXPECT_LT(even.makespan, 1.05);
    pace[3] = 1e6;  // a core that something else has taken
    const Simulated disturbed = simulate(nodes, threads, threads * 40, pace);
    EXPECT_GT(disturbed.home_share, 0.95);
  }
}

}  // namespace
}  // namespace whet
