#include "strategy/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "strategy/makers.h"

namespace whet::strategy {
namespace {

struct Entry {
  const char* slug;
  std::vector<std::string> aliases;
  std::unique_ptr<Strategy> (*make)(OptionReader&);
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {"baseline", {"none"}, make_baseline},
      {"greedy", {}, make_greedy},
      {"re2", {}, make_re2},
      {"best-of-n", {"bon"}, make_best_of_n},
      {"diverse", {"diverse-sampling"}, make_diverse},
      {"majority-voting", {"majority"}, make_majority_voting},
      {"self-consistency", {"sc"}, make_self_consistency},
      {"baseline-same-time", {"same-time"}, make_same_time},
  };
  return all;
}

}  // namespace

const std::vector<StrategyInfo>& strategies() {
  static const std::vector<StrategyInfo> all = [] {
    std::vector<StrategyInfo> infos;
    for (const Entry& entry : entries()) {
      OptionReader options = OptionReader::parse(entry.slug).value();
      const auto strategy = entry.make(options);
      infos.push_back({entry.slug, entry.aliases, strategy->description(), options.options(),
                       strategy->kind()});
    }
    return infos;
  }();
  return all;
}

Result<std::unique_ptr<Strategy>> make_strategy(std::string_view spec) {
  WHET_TRY(OptionReader options, OptionReader::parse(spec));
  for (const Entry& entry : entries()) {
    const bool is_alias = std::find(entry.aliases.begin(), entry.aliases.end(),
                                    options.strategy()) != entry.aliases.end();
    if (options.strategy() != entry.slug && !is_alias) continue;
    auto strategy = entry.make(options);
    WHET_TRY_STATUS(options.finish());
    strategy->name_ = options.name(entry.slug);
    strategy->options_ = options.options();
    return strategy;
  }
  std::vector<std::string> slugs;
  for (const Entry& entry : entries()) slugs.emplace_back(entry.slug);
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("no strategy \"{}\"; there are {}", options.strategy(), fmt::join(slugs, ", ")));
}

}  // namespace whet::strategy
