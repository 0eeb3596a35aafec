#include "strategy/search_tree.h"

#include <cmath>

namespace whet::strategy {

size_t SearchTree::add(size_t parent) {
  const size_t index = nodes_.size();
  nodes_.push_back({.parent = parent, .depth = nodes_[parent].depth + 1});
  nodes_[parent].children.push_back(index);
  return index;
}

size_t SearchTree::select(double exploration) const {
  size_t at = 0;
  while (!nodes_[at].children.empty()) {
    const double visits = static_cast<double>(nodes_[at].n_visits);
    size_t best = nodes_[at].children[0];
    double highest = -1;
    for (size_t child : nodes_[at].children) {
      const Node& node = nodes_[child];
      if (node.n_visits == 0) {
        best = child;
        break;
      }
      const double bound =
          node.mean() + exploration * std::sqrt(std::log(std::max(visits, 1.0)) /
                                                static_cast<double>(node.n_visits));
      if (bound > highest) {
        highest = bound;
        best = child;
      }
    }
    at = best;
  }
  return at;
}

void SearchTree::back_up(size_t index, double value) {
  for (std::optional<size_t> at = index; at; at = nodes_[*at].parent) {
    ++nodes_[*at].n_visits;
    nodes_[*at].value += value;
  }
}

}  // namespace whet::strategy
