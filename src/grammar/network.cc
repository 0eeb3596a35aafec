#include "grammar/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <queue>

#include "grammar/network_analysis.h"

namespace whet::grammar {
namespace {

using Kind = Network::Kind;

/// Builds from the end: an expression is given the state that follows it and returns its own entry.
class Builder {
 public:
  Builder(const RuleSet& rules, size_t max_states) : rules_(rules), max_states_(max_states) {
    add({Kind::kEnd});
  }

  Result<Network> build(ExprId root) {
    for (const RuleSet::Rule& rule : rules_.rules()) {
      WHET_CHECK(rule.body.has_value());
      WHET_TRY_STATUS(add_rule(rule.name, *rule.body));
    }
    WHET_TRY_STATUS(add_rule("the whole grammar", root));
    network_.root = static_cast<uint32_t>(network_.rules.size() - 1);
    classify_bytes();
    return std::move(network_);
  }

 private:
  Status add_rule(const std::string& name, ExprId body) {
    const uint32_t accept = add({Kind::kAccept});
    const uint32_t start = entry(body, accept);
    network_.rules.push_back({name, start});
    if (full_) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}: the grammar needs more than {} states up to here; lower the "
                               "bounds of its repetitions",
                               name, max_states_));
    }
    return ok_status();
  }

  uint32_t add(Network::State state) {
    full_ = full_ || network_.states.size() >= max_states_;
    network_.states.push_back(state);
    return static_cast<uint32_t>(network_.states.size() - 1);
  }

  uint32_t add_bytes(const std::vector<Network::Edge>& edges, bool free_text = false) {
    const auto first = static_cast<uint32_t>(network_.edges.size());
    network_.edges.insert(network_.edges.end(), edges.begin(), edges.end());
    Network::State state{Kind::kBytes};
    state.free_text = free_text;
    state.first = first;
    state.second = static_cast<uint32_t>(network_.edges.size());
    return add(state);
  }

  uint32_t add_split(const std::vector<uint32_t>& targets) {
    const uint32_t state = add({Kind::kSplit});
    set_targets(state, targets);
    return state;
  }

  void set_targets(uint32_t state, const std::vector<uint32_t>& targets) {
    network_.states[state].first = static_cast<uint32_t>(network_.targets.size());
    network_.targets.insert(network_.targets.end(), targets.begin(), targets.end());
    network_.states[state].second = static_cast<uint32_t>(network_.targets.size());
  }

  uint32_t entry(ExprId id, uint32_t next) {
    if (full_) return next;
    return std::visit([&](const auto& e) { return entry(e, next); }, rules_.at(id));
  }

  uint32_t entry(const expr::Sequence& e, uint32_t next) {
    for (auto part = e.parts.rbegin(); part != e.parts.rend(); ++part) next = entry(*part, next);
    return next;
  }

  uint32_t entry(const expr::AnyOf& e, uint32_t next) {
    std::vector<uint32_t> entries;
    for (ExprId alternative : e.alternatives) entries.push_back(entry(alternative, next));
    return entries.size() == 1 ? entries[0] : add_split(entries);
  }

  uint32_t entry(const expr::Repeat& e, uint32_t next) {
    const uint32_t exit = next;
    if (e.max.has_value()) {
      for (uint32_t i = e.min; i < *e.max && !full_; ++i) {
        next = add_split({entry(e.what, next), exit});
      }
    } else {
      const uint32_t loop = add({Kind::kSplit});
      set_targets(loop, {entry(e.what, loop), exit});
      next = loop;
    }
    for (uint32_t i = 0; i < e.min && !full_; ++i) {
      const size_t before = network_.states.size();
      next = entry(e.what, next);
      if (network_.states.size() == before) break;  // repeats what is empty
    }
    return next;
  }

  uint32_t entry(const expr::Call& e, uint32_t next) {
    return add({Kind::kCall, false, false, false, static_cast<uint32_t>(e.rule), next});
  }

  uint32_t entry(const expr::OneOf& e, uint32_t next) {
    std::vector<Network::Edge> edges;
    std::map<std::pair<ByteRange, uint32_t>, uint32_t> tails;  // common ends of spellings
    for (const auto& sequence : utf8_sequences(e.set)) {
      uint32_t target = next;
      for (size_t i = sequence.size() - 1; i > 0; --i) {
        auto [tail, is_new] = tails.try_emplace({sequence[i], target}, 0);
        if (is_new) tail->second = add_bytes({{sequence[i], target}});
        target = tail->second;
      }
      edges.push_back({sequence[0], target});
    }
    return add_bytes(edges);
  }

  uint32_t entry(const expr::Literals& e, uint32_t next) {
    std::vector<std::string> texts = e.texts;
    std::sort(texts.begin(), texts.end());
    texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
    if (texts.empty()) return add_split({});

    struct TrieNode {
      bool terminal = false;
      std::vector<Network::Edge> edges;
    };
    std::vector<TrieNode> path(1);  // of the text before; path[i] has read i bytes of it
    std::string before;
    auto close = [&](const TrieNode& node) {
      if (node.edges.empty()) return next;
      const uint32_t bytes = add_bytes(node.edges);
      return node.terminal ? add_split({bytes, next}) : bytes;
    };
    auto close_down_to = [&](size_t depth) {
      while (path.size() > depth + 1) {
        const uint32_t state = close(path.back());
        path.pop_back();
        const auto byte = static_cast<uint8_t>(before[path.size() - 1]);
        path.back().edges.push_back({{byte, byte}, state});
      }
    };
    for (const std::string& text : texts) {
      if (full_) return next;
      size_t common = 0;
      while (common < std::min(text.size(), before.size()) && text[common] == before[common]) {
        ++common;
      }
      close_down_to(common);
      path.resize(text.size() + 1);
      path.back().terminal = true;
      before = text;
    }
    close_down_to(0);
    return close(path[0]);
  }

  /// Aho and Corasick's automaton of the triggers: state s has read the longest prefix of a trigger
  /// that ends here.
  uint32_t entry(const expr::FreeText& e, uint32_t next) {
    struct Prefix {
      std::array<int32_t, 256> next;
      int32_t fallback = 0;
      bool whole = false;  // a trigger ends here
    };
    std::vector<Prefix> prefixes(1);
    prefixes[0].next.fill(-1);
    for (const std::string& trigger : e.triggers) {
      WHET_CHECK(!trigger.empty());
      size_t at = 0;
      for (char c : trigger) {
        int32_t to = prefixes[at].next[static_cast<uint8_t>(c)];
        if (to < 0) {
          to = static_cast<int32_t>(prefixes.size());
          prefixes[at].next[static_cast<uint8_t>(c)] = to;
          prefixes.emplace_back().next.fill(-1);
        }
        at = static_cast<size_t>(to);
      }
      prefixes[at].whole = true;
    }
    std::queue<size_t> order({0});
    while (!order.empty()) {
      const size_t at = order.front();
      order.pop();
      const auto fallback = static_cast<size_t>(prefixes[at].fallback);
      prefixes[at].whole = prefixes[at].whole || prefixes[fallback].whole;
      for (size_t byte = 0; byte < 256; ++byte) {
        int32_t& to = prefixes[at].next[byte];
        const int32_t otherwise = at == 0 ? 0 : prefixes[fallback].next[byte];
        if (to < 0) {
          to = otherwise;
        } else {
          prefixes[static_cast<size_t>(to)].fallback = otherwise;
          order.push(static_cast<size_t>(to));
        }
      }
    }

    std::vector<uint32_t> states;
    for (size_t i = 0; i < prefixes.size(); ++i) states.push_back(add({Kind::kSplit}));
    for (size_t i = 0; i < prefixes.size() && !full_; ++i) {
      if (prefixes[i].whole) continue;  // its edges lead to `next` or nowhere
      std::vector<Network::Edge> edges;
      for (size_t byte = 0; byte < 256; ++byte) {
        const auto to = static_cast<size_t>(prefixes[i].next[byte]);
        if (prefixes[to].whole && !e.ends_with_trigger) continue;
        const uint32_t target = prefixes[to].whole ? next : states[to];
        const auto b = static_cast<uint8_t>(byte);
        if (!edges.empty() && edges.back().target == target && edges.back().bytes.high + 1 == b) {
          edges.back().bytes.high = b;
        } else {
          edges.push_back({{b, b}, target});
        }
      }
      std::vector<uint32_t> targets{add_bytes(edges, true)};
      if (!e.ends_with_trigger) targets.push_back(next);
      set_targets(states[i], targets);
    }
    return states[0];
  }

  void classify_bytes() {
    std::array<bool, 257> starts{};
    starts[0] = true;
    for (const Network::Edge& edge : network_.edges) {
      starts[edge.bytes.low] = true;
      starts[size_t{edge.bytes.high} + 1] = true;
    }
    for (size_t byte = 0; byte < 256; ++byte) {
      if (starts[byte]) network_.class_example.push_back(static_cast<uint8_t>(byte));
      network_.byte_class[byte] = static_cast<uint8_t>(network_.class_example.size() - 1);
    }
  }

  const RuleSet& rules_;
  size_t max_states_;
  bool full_ = false;
  Network network_;
};

}  // namespace

Result<Network> build_network(const RuleSet& rules, ExprId root, size_t max_states) {
  WHET_TRY(Network network, Builder(rules, max_states).build(root));
  WHET_TRY_STATUS(analyse(network));
  return network;
}

}  // namespace whet::grammar
