// The strategies by name.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "strategy/strategy.h"

namespace whet::strategy {

struct StrategyInfo {
  std::string slug;
  std::vector<std::string> aliases;  // e.g. optillm's slugs; underscores are hyphens
  std::string summary;
  Options options;  // names and defaults
  Kind kind;
};

/// All strategies, the baselines first; for help texts.
const std::vector<StrategyInfo>& strategies();

/// A strategy from "slug" or "slug:key=value,...", or of several joined by "&" and "|"
/// (composition.h; "&" binds closer). Errors (kInvalidArgument): unknown name (lists
/// the known ones), unknown option, value out of range.
Result<std::unique_ptr<Strategy>> make_strategy(std::string_view spec);

}  // namespace whet::strategy
