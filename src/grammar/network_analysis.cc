#include "grammar/network_analysis.h"

#include <fmt/format.h>

#include <algorithm>

namespace whet::grammar {
namespace {

using Kind = Network::Kind;

class Analysis {
 public:
  explicit Analysis(Network& network) : net_(network), early_(network.states.size(), false) {}

  Status run() {
    mark_productive();
    const Network::Rule& root = net_.rules[net_.root];
    if (!net_.states[root.start].productive) {
      return Error(ErrorCode::kInvalidArgument,
                   "the grammar matches no finite text: some rule calls itself without a way out, "
                   "or alternatives are empty");
    }
    mark_tail_calls();
    mark_nullable();
    return order_rules();
  }

 private:
  /// From the ends backwards.
  void mark_productive() {
    const size_t n = net_.states.size();
    std::vector<std::vector<uint32_t>> before(n);  // states that may go on to this one
    std::vector<std::vector<uint32_t>> callers(net_.rules.size());
    std::vector<std::vector<uint32_t>> rules_from(n);  // rules that start here
    for (uint32_t r = 0; r < net_.rules.size(); ++r) rules_from[net_.rules[r].start].push_back(r);
    std::vector<uint32_t> open;
    for (uint32_t s = 0; s < n; ++s) {
      const Network::State& state = net_.states[s];
      switch (state.kind) {
        case Kind::kBytes:
          for (uint32_t e = state.first; e < state.second; ++e) {
            before[net_.edges[e].target].push_back(s);
          }
          break;
        case Kind::kSplit:
          for (uint32_t t = state.first; t < state.second; ++t) {
            before[net_.targets[t]].push_back(s);
          }
          break;
        case Kind::kCall:
          before[state.second].push_back(s);
          callers[state.first].push_back(s);
          break;
        case Kind::kAccept:
        case Kind::kEnd:
          open.push_back(s);
      }
    }
    auto reach = [&](uint32_t s) {
      Network::State& state = net_.states[s];
      if (state.productive) return;
      const bool waits =
          state.kind == Kind::kCall && !(net_.states[state.second].productive &&
                                         net_.states[net_.rules[state.first].start].productive);
      if (!waits) open.push_back(s);
    };
    while (!open.empty()) {
      const uint32_t s = open.back();
      open.pop_back();
      if (net_.states[s].productive) continue;
      net_.states[s].productive = true;
      for (uint32_t from : before[s]) reach(from);
      for (uint32_t rule : rules_from[s]) {
        for (uint32_t caller : callers[rule]) reach(caller);
      }
    }
  }

  void mark_tail_calls() {
    for (Network::State& state : net_.states) {
      state.tail_call =
          state.kind == Kind::kCall && net_.states[state.second].kind == Kind::kAccept;
    }
  }

  /// A state is early if its rule may be in it before it has read a byte.
  void mark_nullable() {
    std::vector<std::vector<uint32_t>> waiting(net_.rules.size());  // return states of calls
    std::vector<uint32_t> open;
    std::vector<std::vector<uint32_t>> rules_from(net_.states.size());
    std::vector<uint32_t> rule_of_accept(net_.states.size(), 0);
    // A rule's states lie together, its accepting state first.
    uint32_t rule = 0;
    for (uint32_t s = 0; s < net_.states.size(); ++s) {
      if (net_.states[s].kind == Kind::kAccept) rule_of_accept[s] = rule++;
    }
    for (const Network::Rule& r : net_.rules) open.push_back(r.start);
    while (!open.empty()) {
      const uint32_t s = open.back();
      open.pop_back();
      const Network::State& state = net_.states[s];
      if (early_[s] || !state.productive) continue;
      early_[s] = true;
      if (state.kind == Kind::kSplit) {
        for (uint32_t t = state.first; t < state.second; ++t) open.push_back(net_.targets[t]);
      } else if (state.kind == Kind::kCall) {
        if (net_.rules[state.first].nullable) {
          open.push_back(state.second);
        } else {
          waiting[state.first].push_back(state.second);
        }
      } else if (state.kind == Kind::kAccept) {
        Network::Rule& done = net_.rules[rule_of_accept[s]];
        done.nullable = true;
        auto& woken = waiting[rule_of_accept[s]];
        open.insert(open.end(), woken.begin(), woken.end());
        woken.clear();
      }
    }
  }

  /// Depth first over the calls from early states; a call back to an open rule is left recursion.
  Status order_rules() {
    const size_t n = net_.rules.size();
    std::vector<std::vector<uint32_t>> early_calls(n);
    uint32_t rule = 0;
    for (uint32_t s = 1; s < net_.states.size(); ++s) {
      const Network::State& state = net_.states[s];
      if (state.kind == Kind::kAccept) {
        ++rule;
      } else if (state.kind == Kind::kCall && early_[s]) {
        early_calls[rule - 1].push_back(state.first);
      }
    }
    enum class Mark : uint8_t { kNew, kOpen, kDone };
    std::vector<Mark> marks(n, Mark::kNew);
    std::vector<std::pair<uint32_t, size_t>> path;  // rule, next call to look at
    std::vector<uint32_t> finished;
    for (uint32_t r = 0; r < n; ++r) {
      if (marks[r] != Mark::kNew) continue;
      marks[r] = Mark::kOpen;
      path.emplace_back(r, 0);
      while (!path.empty()) {
        auto& [at, next] = path.back();
        if (next == early_calls[at].size()) {
          marks[at] = Mark::kDone;
          finished.push_back(at);
          path.pop_back();
          continue;
        }
        const uint32_t called = early_calls[at][next++];
        if (marks[called] == Mark::kOpen) return left_recursion(path, called);
        if (marks[called] == Mark::kNew) {
          marks[called] = Mark::kOpen;
          path.emplace_back(called, 0);
        }
      }
    }
    net_.rule_at.assign(finished.rbegin(), finished.rend());
    for (uint32_t i = 0; i < n; ++i) net_.rules[net_.rule_at[i]].order = i;
    return ok_status();
  }

  Error left_recursion(const std::vector<std::pair<uint32_t, size_t>>& path, uint32_t called) {
    auto at = std::find_if(path.begin(), path.end(),
                           [called](const auto& entry) { return entry.first == called; });
    std::string cycle;
    size_t n_named = 0;
    for (; at != path.end() && n_named < 8; ++at, ++n_named) {
      cycle += fmt::format("{} -> ", net_.rules[at->first].name);
    }
    if (at != path.end()) cycle += "... -> ";
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("left recursion: {}{}; a rule must read something before it calls "
                             "itself, so write it as a repetition",
                             cycle, net_.rules[called].name));
  }

  Network& net_;
  std::vector<bool> early_;
};

}  // namespace

Status analyse(Network& network) {
  return Analysis(network).run();
}

}  // namespace whet::grammar
