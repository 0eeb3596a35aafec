#include "experiment/line.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "strategy/registry.h"

namespace whet::experiment {
namespace {

using results::Row;
using results::StrategyKind;
using strategy::Strategy;

results::Settings strategy_settings(const Strategy& strategy) {
  results::Settings settings;
  for (const auto& [name, value] : strategy.options()) settings[name] = value;
  return settings;
}

/// The last `n_variants` runners are those of the variants.
void add_strategies_on_variants(Line& line, size_t n_variants) {
  const size_t n_own = line.runners.size() - n_variants;
  for (size_t v = n_own; v < n_own + n_variants; ++v) {
    for (size_t i = 1; i < n_own; ++i) {
      Runner runner = line.runners[i];
      runner.row.against = line.runners[v].row.name;
      const std::string label = line.runners[v].row.title() + "/" + runner.row.title();
      runner.row.name = runner.row.against + "/" + runner.row.name;
      runner.row.label = label == runner.row.name ? "" : label;
      runner.generator = line.runners[v].generator;
      runner.shares_prompts = line.runners[v].shares_prompts;
      line.runners.push_back(std::move(runner));
    }
  }
}

}  // namespace

bool has_vote_controls(const Plan& plan) {
  return plan.control == "vote-same-time";
}

Result<Line> make_line(const Plan& plan, const std::vector<Variant>& variants) {
  Line line;
  std::set<std::string> names;
  const auto add = [&](const std::string& spec) -> Status {
    WHET_TRY(std::shared_ptr<const Strategy> strategy, strategy::make_strategy(spec));
    if (strategy->kind() == strategy::Kind::kControl) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{} is added by the experiment itself, one per strategy", spec));
    }
    if (!names.insert(strategy->name()).second) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("strategy {} is given twice", strategy->name()));
    }
    Row row{strategy->name(),        "",
            StrategyKind::kStrategy, {},
            strategy->description(), strategy_settings(*strategy)};
    line.runners.push_back({std::move(row), std::move(strategy), std::nullopt});
    return ok_status();
  };
  for (const std::string& spec : plan.strategies) WHET_TRY_STATUS(add(spec));
  const auto is_baseline = [](const Runner& runner) {
    return runner.strategy->kind() == strategy::Kind::kBaseline;
  };
  auto baseline = std::find_if(line.runners.begin(), line.runners.end(), is_baseline);
  if (baseline == line.runners.end()) {
    WHET_TRY_STATUS(add("baseline"));
    baseline = line.runners.end() - 1;
  }
  std::rotate(line.runners.begin(), baseline, baseline + 1);  // the baseline first
  line.runners.front().row.kind = StrategyKind::kBaseline;
  for (const Variant& variant : variants) {
    if (!names.insert(variant.name).second) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("variant {} is given twice", variant.name));
    }
    line.runners.push_back(
        {{variant.name, variant.label, StrategyKind::kStrategy, {}, variant.description, {}},
         line.runners.front().strategy,
         std::nullopt,
         variant.generator,
         variant.shares_prompts});
  }
  if (plan.strategies_on_variants) add_strategies_on_variants(line, variants.size());
  line.n_strategies = line.runners.size();
  if (!plan.same_time_controls) return line;
  for (size_t i = 1; i < line.n_strategies; ++i) {
    const std::string& name = line.runners[i].row.name;
    WHET_TRY(std::shared_ptr<const Strategy> control, strategy::make_strategy(plan.control));
    Row row{fmt::format("{}({})", plan.control, name),
            fmt::format("{}, {}'s time", has_vote_controls(plan) ? "vote" : "baseline",
                        line.runners[i].row.title()),
            StrategyKind::kControl,
            {name},
            control->description(),
            strategy_settings(*control)};
    // It asks what the strategy's own baseline asks.
    Generator* const asked =
        line.runners[i].row.against.empty() ? nullptr : line.runners[i].generator;
    line.runners.push_back({std::move(row), std::move(control), i, asked});
  }
  return line;
}

}  // namespace whet::experiment
