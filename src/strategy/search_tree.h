// SearchTree: the bookkeeping of a Monte Carlo tree search: visits, values, and the upper
// confidence bound that chooses where to look next. What a node is, its owner knows.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

namespace whet::strategy {

class SearchTree {
 public:
  struct Node {
    std::optional<size_t> parent = {};
    size_t depth = 0;
    std::vector<size_t> children = {};
    size_t n_visits = 0;
    double value = 0;  // sum of what was backed up
    double mean() const { return n_visits > 0 ? value / static_cast<double>(n_visits) : 0; }
  };

  SearchTree() : nodes_(1) {}  // the root is node 0

  size_t add(size_t parent);
  const Node& node(size_t index) const { return nodes_[index]; }
  size_t size() const { return nodes_.size(); }

  /// Descends from the root, all the way to a node without children: at each step to a child that
  /// was never visited (the first), else to the one with the highest mean + c sqrt(ln N / n).
  size_t select(double exploration) const;
  /// Adds a visit of this value to the node and all above it.
  void back_up(size_t index, double value);

 private:
  std::vector<Node> nodes_;
};

}  // namespace whet::strategy
