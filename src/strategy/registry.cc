#include "strategy/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "strategy/composition.h"
#include "strategy/makers.h"

namespace whet::strategy {
namespace {

constexpr size_t kMaxParts = 8;

struct Entry {
  const char* slug;
  std::vector<std::string> aliases;
  std::unique_ptr<Strategy> (*make)(OptionReader&);
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {"baseline", {"none"}, make_baseline},
      {"greedy", {}, make_greedy},
      {"likelihood", {}, make_likelihood},
      {"re2", {}, make_re2},
      {"longer", {}, make_longer},
      {"best-of-n", {"bon"}, make_best_of_n},
      {"diverse", {"diverse-sampling"}, make_diverse},
      {"majority-voting", {"majority"}, make_majority_voting},
      {"self-consistency", {"sc"}, make_self_consistency},
      {"adaptive-vote", {"adaptive"}, make_adaptive_vote},
      {"self-certainty", {}, make_self_certainty},
      {"deepconf", {}, make_deepconf},
      {"p-true", {}, make_p_true},
      {"genselect", {}, make_genselect},
      {"cot-decoding", {}, make_cot_decoding},
      {"entropy-decoding", {}, make_entropy_decoding},
      {"cot-reflection", {}, make_cot_reflection},
      {"autothink", {"thinkdeeper"}, make_autothink},
      {"moa", {}, make_moa},
      {"rsa", {}, make_rsa},
      {"mars", {}, make_mars},
      {"cepo", {}, make_cepo},
      {"pvg", {}, make_pvg},
      {"leap", {}, make_leap},
      {"plansearch", {}, make_plansearch},
      {"mcts", {}, make_mcts},
      {"rstar", {}, make_rstar},
      {"rto", {}, make_rto},
      {"codet", {}, make_codet},
      {"router", {}, make_router},
      {"baseline-same-time", {"same-time"}, make_same_time},
      {"vote-same-time", {}, make_same_time_vote},
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

Result<std::unique_ptr<Strategy>> make_single(std::string_view spec) {
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

// "|" joins what "&" has joined.
Result<std::unique_ptr<Strategy>> make_strategy(std::string_view spec) {
  const char join = spec.find('|') != std::string_view::npos ? '|' : '&';
  if (spec.find(join) == std::string_view::npos) return make_single(spec);
  std::vector<std::unique_ptr<Strategy>> parts;
  std::string name;
  Options options;
  for (size_t begin = 0; begin <= spec.size();) {
    const size_t end = std::min(spec.find(join, begin), spec.size());
    auto part = make_strategy(spec.substr(begin, end - begin));
    begin = end + 1;
    if (!part.ok()) return part.error().with_context(fmt::format("strategy \"{}\"", spec));
    if ((*part)->kind() == Kind::kControl) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("strategy \"{}\": {} runs alone, beside another's row", spec,
                               (*part)->name()));
    }
    name += (parts.empty() ? "" : std::string(1, join)) + (*part)->name();
    for (const auto& [key, value] : (*part)->options()) {
      options.emplace_back((*part)->name() + "." + key, value);
    }
    parts.push_back(std::move(part).value());
    if (parts.size() > kMaxParts) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("a composition has at most {} parts on each side", kMaxParts));
    }
  }
  auto composed =
      join == '|' ? make_alternatives(std::move(parts)) : make_pipeline(std::move(parts));
  composed->name_ = std::move(name);
  composed->options_ = std::move(options);
  return composed;
}

}  // namespace whet::strategy
