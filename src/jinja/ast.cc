#include "jinja/ast.h"

#include <algorithm>

namespace whet::jinja {

int deepest(std::initializer_list<const ExprPtr*> children) {
  int depth = 0;
  for (const auto* child : children) {
    if (*child) depth = std::max(depth, (*child)->depth);
  }
  return depth;
}

int deepest(const std::vector<ExprPtr>& children) {
  int depth = 0;
  for (const auto& child : children) depth = std::max(depth, child->depth);
  return depth;
}

int deepest(const CallArguments& arguments) {
  int depth = std::max(deepest(arguments.positional),
                       deepest({&arguments.spread_list, &arguments.spread_dict}));
  for (const auto& entry : arguments.keyword) depth = std::max(depth, entry.second->depth);
  return depth;
}

}  // namespace whet::jinja
