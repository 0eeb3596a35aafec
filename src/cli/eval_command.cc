#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <set>

#include "cli/commands.h"
#include "cli/eval_design.h"
#include "cli/experiment_flags.h"
#include "cli/experiment_plan.h"
#include "cli/experiment_run.h"
#include "cli/terminal.h"
#include "cli/variants.h"
#include "eval/prompt_variant.h"
#include "strategy/registry.h"
#include "sys/file_bytes.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

/// Most strategies draw several candidates at once; where that and one sequence want the weights
/// laid out differently, the steps that take longest decide.
constexpr int kSequences = 8;

struct EvalFlags {
  ExperimentFlags experiment;
  std::string strategies = "baseline,re2,diverse,best-of-n,self-consistency,majority-voting";
  std::string system, group_by = "file", control = "again", prompt_variants;
  double task_time_limit_s = 0;
  int warmup = 1;
  std::vector<std::string> with;
  bool grade_candidates = false, no_controls = false, raw = false, plan_only = false;
};

/// "re2,best-of-n:n=5,temperature=1&re2": a part that begins with KEY=VALUE belongs to the strategy
/// before it.
std::vector<std::string> split_strategies(const std::string& text) {
  std::vector<std::string> specs;
  for (const std::string& part : split(text, ',')) {
    bool option = part.find('=') < part.find(':');
    if (option && !specs.empty()) {
      specs.back() += "," + part;
    } else {
      specs.push_back(part);
    }
  }
  return specs;
}

/// Under --group-by kind, tasks of one family and kind, instances of one template, are drawn
/// together.
Status group_tasks(const EvalFlags& options, std::vector<eval::Task>& tasks) {
  if (options.group_by != "kind") return ok_status();
  for (eval::Task& task : tasks) {
    if (task.kind.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("--group-by kind: expected a kind of every task, found none of "
                               "task \"{}\"",
                               task.id));
    }
    task.group = task.family + "/" + task.kind;
  }
  return ok_status();
}

/// Asks the tasks in each wording of --prompt-variants.
Status vary_prompts(const EvalFlags& options, experiment::Plan& plan) {
  constexpr uint64_t kMostBytes = uint64_t{1} << 24;
  if (options.prompt_variants.empty()) return ok_status();
  WHET_TRY(const std::string text, read_file(options.prompt_variants, kMostBytes));
  auto variants = eval::parse_prompt_variants(text);
  if (!variants.ok()) return variants.error().with_context(options.prompt_variants);
  plan.tasks = eval::asked_in_variants(plan.tasks, *variants);
  for (const eval::PromptVariant& variant : *variants) plan.wordings.push_back(variant.name);
  return ok_status();
}

/// Strategies that would choose blindly without log-probabilities are refused before they cost.
Status check_strategies(const experiment::Plan& plan, const ModelDescription& model) {
  if (model.can.logprobs) return ok_status();
  for (const std::string& spec : plan.strategies) {
    WHET_TRY(const auto strategy, strategy::make_strategy(spec));
    if (!strategy->needs_logprobs()) continue;
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{} chooses by log-probabilities, and {} gives none; leave it out "
                             "(--strategies)",
                             strategy->name(), model.endpoint));
  }
  if (plan.same_time_controls && plan.control == "baseline-same-time") {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("the rows 'baseline given the same time' choose by log-probabilities, "
                             "and {} gives none; give --control vote or --no-controls",
                             model.endpoint));
  }
  print_note("no log-probabilities: votes that tie go to the earliest answer");
  return ok_status();
}

void add_rows(const EvalFlags& options, experiment::Plan& plan) {
  plan.strategies = split_strategies(options.strategies);
  plan.same_time_controls = !options.no_controls;
  plan.control = options.control == "vote" ? "vote-same-time" : "baseline-same-time";
  plan.strategies_on_variants = true;
}

Result<experiment::Plan> make_eval_plan(const EvalFlags& options, const OpenedModel& opened) {
  WHET_TRY(experiment::Plan plan, make_plan(options.experiment, opened));
  WHET_TRY_STATUS(group_tasks(options, plan.tasks));
  WHET_TRY_STATUS(vary_prompts(options, plan));
  plan.title =
      "Which strategies pay: " + fs::path(options.experiment.model.model).filename().string();
  add_rows(options, plan);
  plan.system = options.system;
  plan.raw_prompt = plan.raw_prompt || options.raw;
  if (options.task_time_limit_s > 0) plan.task_time_limit_s = options.task_time_limit_s;
  plan.warmup = options.warmup;
  plan.grade_candidates = options.grade_candidates;
  WHET_TRY_STATUS(check_strategies(plan, opened.generator->describe()));
  return plan;
}

/// What would be run and what it could show; no model is loaded.
int print_plan(const EvalFlags& options) {
  experiment::Plan plan;
  if (Status added = options.experiment.add_tasks(plan); !added.ok()) return fail(added.error());
  if (Status grouped = group_tasks(options, plan.tasks); !grouped.ok()) {
    return fail(grouped.error());
  }
  if (Status varied = vary_prompts(options, plan); !varied.ok()) {
    return fail(varied.error());
  }
  auto seeds = options.experiment.parse_seeds();
  if (!seeds.ok()) return fail(seeds.error());
  EvalDesign design{.n_tasks = static_cast<int64_t>(plan.tasks.size()),
                    .n_seeds = static_cast<int64_t>(seeds->size())};
  std::set<std::string> groups;
  for (const eval::Task& task : plan.tasks) {
    if (task.group.empty()) {
      ++design.n_groups;
    } else {
      groups.insert(task.group);
    }
  }
  design.n_groups += static_cast<int64_t>(groups.size());
  add_rows(options, plan);
  std::vector<experiment::Variant> variants;  // whose models the rows do not need
  for (const std::string& name : options.with) variants.emplace_back().name = name;
  const auto line = experiment::make_line(plan, variants);
  if (!line.ok()) return fail(line.error());
  design.n_strategies = static_cast<int64_t>(line->n_strategies) - 1;  // without the baseline
  design.n_controls = static_cast<int64_t>(line->runners.size() - line->n_strategies);
  fmt::print("{}", eval_design_text(design));
  return 0;
}

int run_eval(const EvalFlags& options) {
  if (options.plan_only) return print_plan(options);
  // Before a model is loaded for nothing.
  if (const Status flags = options.experiment.check(); !flags.ok()) return fail(flags.error());
  auto model = options.experiment.model.open();
  if (!model.ok()) return fail(model.error());
  auto plan = make_eval_plan(options, *model);
  if (!plan.ok()) return fail(plan.error());
  if (!options.with.empty() && model->engine == nullptr) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      fmt::format("--with: expected a model file to compare others to, found the "
                                  "address {}",
                                  options.experiment.model.model)));
  }
  std::vector<OpenedVariant> variants;
  if (!options.with.empty()) {
    auto opened = open_variants(options.experiment.model, options.with);
    if (!opened.ok()) return fail(opened.error());
    variants = std::move(*opened);
  }
  auto result = run_plan(options.experiment, *plan, *model->generator, variants);
  if (!result.ok()) return fail(result.error());
  return report_results(options.experiment, *result);
}

std::string strategy_help() {
  std::string help = "Strategies (SLUG or SLUG:KEY=VALUE,...):\n";
  for (const strategy::StrategyInfo& info : strategy::strategies()) {
    std::string options;
    for (const auto& [name, value] : info.options) options += fmt::format(" {}={}", name, value);
    help += fmt::format("  {:<20} {}{}\n", info.slug, info.summary,
                        options.empty() ? "" : "  [" + options.substr(1) + "]");
  }
  return help;
}

}  // namespace

Command make_eval_command() {
  auto options = std::make_shared<EvalFlags>();
  ExperimentFlags& flags = options->experiment;
  Command command("eval", "Measure which test-time strategies pay: graded quality beside cost");
  flags.model.use = {.lives_long = true, .rows_per_step = kSequences};
  flags.model.add_to(command, "auto");
  command.add("--strategies", &options->strategies, "comma list; see below");
  flags.add_to(command);
  command
      .add("--with", &options->with,
           "the same strategies also on another model, or on this one run in another way, each "
           "against the baseline there; " +
               std::string(kVariantsHelp))
      .value_name("VARIANT");
  command
      .add("--group-by", &options->group_by,
           "which tasks are drawn together, so that intervals and verdicts count them so: those "
           "with one \"group\" in the file, or those of one kind")
      .one_of({"file", "kind"});
  command
      .add("--prompt-variants", &options->prompt_variants,
           "ask each task in each wording of this file (lines of {\"name\", \"before\", "
           "\"after\"}); the wordings of a task are drawn together, and families say how they "
           "differ")
      .value_name("FILE");
  command.add("--system", &options->system, "system message");
  command
      .add("--task-time-limit", &options->task_time_limit_s,
           "cancel a strategy on a task after this many seconds (0 = never)")
      .at_least(0);
  command.add("--warmup", &options->warmup, "uncounted runs before the first").at_least(0);
  command.add("--grade-candidates", &options->grade_candidates,
              "also grade candidates that were not chosen");
  command
      .add("--control", &options->control,
           "what each strategy must beat in its own time: the baseline asked again and again, the "
           "surest answer kept, or a vote of as many samples as one batch ends in that time")
      .one_of({"again", "vote"});
  command.add("--no-controls", &options->no_controls,
              "leave out the rows 'baseline given the same time'");
  command.add("--plan", &options->plan_only,
              "run nothing: say how many runs this is and which gains it could show");
  command.add("--raw", &options->raw, "do not apply the chat template");
  flags.model.add_speculation_to(command);
  flags.sampling.add_to(command);
  flags.model.add_remote_to(command);
  command.footer(strategy_help());
  command.action([options] { return run_eval(*options); });
  return command;
}

}  // namespace whet
