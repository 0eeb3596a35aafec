#include "report/recommendation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "report/text.h"

namespace whet::report {
namespace {

// Of the baseline's time: nothing to speak of, what a patient reader bears, anything.
constexpr std::array<std::optional<double>, 3> kBudgets = {1.35, 3.0, std::nullopt};

std::string tasks_of(const Report& report) {
  std::string names;
  for (const results::TaskFile& file : report.tasks.files) {
    names += (names.empty() ? "" : ", ") + file.name;
  }
  if (names.empty()) names = "tasks without a name";
  return fmt::format("{}; {} tasks", names, format_count(report.tasks.n_tasks));
}

std::string key_of(const Report& report) {
  std::string key = tasks_of(report);
  for (const results::TaskFile& file : report.tasks.files) key += " " + file.sha256.value_or("");
  return key;
}

std::string file_name(const std::string& path) {
  std::string file = path.substr(path.find_last_of('/') + 1);
  if (file.ends_with(".gguf")) file.resize(file.size() - std::string_view(".gguf").size());
  return file;
}

/// By its file: what a file says of itself is often another model's.
std::string name_of(const results::ModelInfo& model) {
  const std::string file = file_name(model.path);
  return file.empty() ? model.name : file;
}

/// A model, or the first one run in another way, whose strategies are compared to its own baseline.
struct Ground {
  const StrategyResult* base = nullptr;  // null: a document without a baseline
  std::string against;                   // what their rows say of it; "" = the design's baseline
  std::string model;
  std::vector<const StrategyResult*> strategies;
};

constexpr std::string_view kOtherModel = "model=";  // rows of --with model=FILE

/// " (0.49 B)", " (2.8 M)": parameters, as people tell models apart.
std::string size_of(const results::ModelInfo& model) {
  if (!model.n_parameters) return "";
  const auto n = static_cast<double>(*model.n_parameters);
  return n >= 1e8 ? fmt::format(" ({:.2g} B)", n / 1e9) : fmt::format(" ({:.2g} M)", n / 1e6);
}

/// With what was sampled at, the limit, and, where not all of the tasks have a grade, how many do.
std::string with_conditions(std::string model, const Report& report, const StrategyResult* base) {
  if (const auto it = report.sampling.find("temperature"); it != report.sampling.end()) {
    model += " at temperature " + it->second;
  }
  if (report.limits.max_tokens) {
    model += fmt::format(", at most {} tokens", format_count(report.limits.max_tokens));
  }
  if (base != nullptr && base->n_tasks && report.tasks.n_tasks &&
      *base->n_tasks < *report.tasks.n_tasks) {
    model += fmt::format(", {} of {} tasks graded", format_count(base->n_tasks),
                         format_count(report.tasks.n_tasks));
  }
  return model;
}

/// What a row of another model or another way is called, beside `taken`.
std::string name_of(const StrategyResult& row, const Report& report,
                    const std::vector<std::string>& taken) {
  if (!row.name.starts_with(kOtherModel)) return name_of(report.model) + ", " + row.title();
  const std::string path = row.name.substr(kOtherModel.size());
  const std::string file = file_name(path);
  return file.empty() || std::ranges::find(taken, file) != taken.end() ? path : file;
}

/// The design's own first. Every strategy stands on one, whatever its row says.
std::vector<Ground> grounds_of(const Report& report) {
  std::vector<const StrategyResult*> rows;
  for (const StrategyResult& row : report.strategies) {
    if (row.kind != StrategyKind::kControl) rows.push_back(&row);
  }
  const auto base = std::ranges::find_if(rows, [](const StrategyResult* row) {
    return row->kind == StrategyKind::kBaseline && row->against.empty();
  });
  std::vector<std::string> names = {name_of(report.model)};
  std::vector<Ground> grounds(1);
  if (base != rows.end()) grounds[0].base = *base;
  grounds[0].model = with_conditions(names[0] + size_of(report.model), report, grounds[0].base);
  for (const StrategyResult* row : rows) {
    const bool is_ground =
        row->name.starts_with(kOtherModel) ||
        std::ranges::any_of(rows, [&](const auto* r) { return r->against == row->name; });
    if (row == grounds[0].base || !row->against.empty() || !is_ground) continue;
    names.push_back(name_of(*row, report, names));
    grounds.push_back({row, row->name, with_conditions(names.back(), report, row), {}});
  }
  for (const StrategyResult* row : rows) {
    if (row == grounds[0].base) continue;
    const auto own = std::ranges::find(grounds, row->against, &Ground::against);
    (own == grounds.end() ? grounds.front() : *own).strategies.push_back(row);
  }
  return grounds;
}

bool is_base(const std::vector<Ground>& grounds, const StrategyResult* row) {
  return std::ranges::find(grounds, row, &Ground::base) != grounds.end();
}

/// A row's strategy on its own ground.
std::string strategy_of(const StrategyResult& row, const Ground& ground) {
  const std::string prefix = ground.against + "/";
  return !ground.against.empty() && row.name.starts_with(prefix) ? row.name.substr(prefix.size())
                                                                 : row.title();
}

std::optional<Choice> choice_of(const StrategyResult& row, std::string model,
                                std::string strategy) {
  if (!row.accuracy || !row.latency_s || !row.latency_s->mean) return std::nullopt;
  Choice choice{.model = std::move(model),
                .strategy = std::move(strategy),
                .accuracy = *row.accuracy,
                .seconds = *row.latency_s->mean,
                .tokens = {},
                .seconds_per_correct = {},
                .tokens_per_correct = {},
                .token_seconds_per_correct = {}};
  if (row.prompt_tokens.per_task && row.completion_tokens.per_task) {
    choice.tokens = *row.prompt_tokens.per_task + *row.completion_tokens.per_task;
  }
  if (row.per_correct) {
    choice.seconds_per_correct = row.per_correct->seconds;
    choice.tokens_per_correct = row.per_correct->tokens;
    choice.token_seconds_per_correct = row.per_correct->token_seconds;
  }
  return choice;
}

void mark_front(std::vector<Choice>& choices) {
  std::ranges::stable_sort(choices, {}, [](const Choice& choice) {
    return std::pair(choice.seconds, -choice.accuracy.value);
  });
  double best = -1;
  for (Choice& choice : choices) {
    choice.on_front = choice.accuracy.value > best;
    best = std::max(best, choice.accuracy.value);
  }
}

bool pays(const StrategyResult& row) {
  return row.verdict && row.verdict->label == VerdictLabel::kPays;
}

/// Whether the claim that it pays stands among `n_results` verdict tables as well.
bool pays_among(const StrategyResult& row, const Report& report, size_t n_results) {
  if (!pays(row)) return false;
  if (n_results <= 1) return true;
  const double alpha = report.design.alpha.value_or(1 - report.design.level.value_or(0.95));
  for (const results::ClaimTest& test : row.verdict->claims) {
    if (test.claim == row.verdict->claim) {
      return test.p_adjusted * static_cast<double>(n_results) < alpha;
    }
  }
  return false;
}

double gain_of(const StrategyResult& row) {
  return row.difference_to_baseline ? row.difference_to_baseline->estimate.value : 0;
}

/// Neither shown nor ruled out, and it seems to: by being right more often, or by saving time where
/// it is right as often.
bool may_pay(const StrategyResult& row) {
  if (pays(row)) return true;
  if (!row.verdict || row.verdict->label != VerdictLabel::kCannotTell) return false;
  const double gain = gain_of(row);
  return gain > 0 || (row.difference_to_baseline && gain == 0 && row.cost_ratio_time &&
                      row.cost_ratio_time->value < 1);
}

AdviceCell cell_of(const Report& report, const Ground& ground, std::optional<double> most_time,
                   size_t n_results) {
  AdviceCell cell{.model = ground.model,
                  .most_time = most_time,
                  .strategy = {},
                  .gain = {},
                  .time_ratio = {},
                  .why = {}};
  const StrategyResult* best = nullptr;
  const StrategyResult* nearest = nullptr;
  int n_within = 0, n_unknown = 0;
  for (const StrategyResult* measured : ground.strategies) {
    const StrategyResult& row = *measured;
    if (row.kind != StrategyKind::kStrategy || !row.verdict) continue;
    if (most_time && (!row.cost_ratio_time || row.cost_ratio_time->value > *most_time)) continue;
    ++n_within;
    n_unknown += row.verdict->label == VerdictLabel::kCannotTell;
    if (nearest == nullptr || gain_of(row) > gain_of(*nearest)) nearest = &row;
    if (!may_pay(row)) continue;
    const auto rank = [&](const StrategyResult& r) {
      return std::pair(pays_among(r, report, n_results), gain_of(r));
    };
    if (best == nullptr || rank(row) > rank(*best)) best = &row;
  }
  if (const StrategyResult* shown = best != nullptr ? best : nearest; shown != nullptr) {
    cell.strategy = strategy_of(*shown, ground);
    if (shown->difference_to_baseline) cell.gain = shown->difference_to_baseline->estimate;
    cell.time_ratio = shown->cost_ratio_time;
  }
  if (best != nullptr) {
    const bool stands = pays_among(*best, report, n_results);
    cell.advice = stands ? Advice::kUse : Advice::kTry;
    cell.why = best->verdict->reason;
    if (pays(*best) && !stands) {
      cell.why +=
          fmt::format(" Among {} results that were looked at this may be chance.", n_results);
    }
  } else if (n_within == 0) {
    cell.why = "no strategy that was measured keeps within this time";
  } else {
    cell.why = fmt::format("of {} within this time none pays", n_within);
    if (n_unknown > 0) {
      cell.why += fmt::format(", {} could not be told, with no gain to be seen", n_unknown);
    }
    cell.why += fmt::format(". {}: {}", cell.strategy, nearest->verdict->reason);
  }
  return cell;
}

}  // namespace

std::string_view advice_name(Advice advice) {
  switch (advice) {
    case Advice::kUse:
      return "use";
    case Advice::kTry:
      return "try";
    case Advice::kSkip:
      return "skip";
  }
  WHET_UNREACHABLE();
}

std::vector<TaskAdvice> recommend(const std::vector<Report>& reports) {
  std::vector<TaskAdvice> all;
  std::vector<std::string> keys;  // of each, so that files of one name and other content stay apart
  for (const Report& report : reports) {
    const std::string key = key_of(report);
    auto advice = all.begin() + (std::ranges::find(keys, key) - keys.begin());
    if (advice == all.end()) {
      keys.push_back(key);
      advice = all.insert(all.end(), {tasks_of(report), {}, {}});
    }
    const std::vector<Ground> grounds = grounds_of(report);
    const std::string plain = grounds[0].base != nullptr ? grounds[0].base->title() : "baseline";
    const auto add = [&](const StrategyResult& row, const Ground& ground,
                         const std::string& strategy) {
      if (auto choice = choice_of(row, ground.model, strategy)) {
        advice->choices.push_back(std::move(*choice));
      }
    };
    for (const Ground& ground : grounds) {
      if (ground.base != nullptr) add(*ground.base, ground, plain);
      for (const StrategyResult* row : ground.strategies) {
        if (!is_base(grounds, row)) add(*row, ground, strategy_of(*row, ground));
      }
      if (!ground.against.empty() && ground.strategies.empty()) continue;  // alone: no advice
      for (const auto& budget : kBudgets) {
        advice->cells.push_back(cell_of(report, ground, budget, reports.size()));
      }
    }
  }
  for (TaskAdvice& advice : all) mark_front(advice.choices);
  return all;
}

}  // namespace whet::report
