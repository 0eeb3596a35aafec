#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <set>

#include "bench/read_bandwidth.h"
#include "cli/built_in_tasks.h"
#include "cli/commands.h"
#include "cli/eval_design.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/prompt_input.h"
#include "cli/technique_table.h"
#include "cli/terminal.h"
#include "cli/text_score.h"
#include "cli/variants.h"
#include "cli/version.h"
#include "experiment/run.h"
#include "kernels/kernels.h"
#include "report/progress.h"
#include "report/report_files.h"
#include "report/speedup_chart.h"
#include "report/terminal.h"
#include "results/event_log.h"
#include "strategy/registry.h"
#include "sys/file_bytes.h"
#include "sys/json_text.h"
#include "sys/machine.h"
#include "sys/pending_file.h"
#include "sys/sha256.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

constexpr int kStoppedByTimeLimit = 4;  // exit status, docs/cli.md
/// Most strategies draw several candidates at once; where that and one sequence want the weights
/// laid out differently, the steps that take longest decide.
constexpr int kSequences = 8;
constexpr uint64_t kMaxTextBytes = uint64_t{1} << 30;

struct Options {
  ModelFlags model;
  SamplingFlags sampling;
  std::string strategies = "baseline,re2,diverse,best-of-n,self-consistency,majority-voting";
  std::string tasks = "built-in";
  int64_t limit = 0;
  std::string seeds = "1";
  int64_t max_tokens = 256;
  std::string out_dir = "whet-out";
  std::string system, group_by = "file";
  double time_limit_s = 0, task_time_limit_s = 0;
  int warmup = 1;
  bool resume = false, overwrite = false, grade_candidates = false, no_code = false,
       no_controls = false, raw = false, no_charts = false, plan_only = false;
  // Of whet compare:
  std::vector<std::string> with;
  std::string text_file;
};

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (true) {
    size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + 1;
  }
}

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

/// "1,2,3" or "1-5".
Result<std::vector<uint64_t>> parse_seeds(const std::string& text) {
  auto number = [](std::string_view s) -> std::optional<uint64_t> {
    uint64_t value = 0;
    auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), value);
    if (s.empty() || error != std::errc() || end != s.data() + s.size()) return std::nullopt;
    return value;
  };
  std::vector<uint64_t> seeds;
  for (const std::string& part : split(text, ',')) {
    size_t dash = part.find('-');
    auto first = number(std::string_view(part).substr(0, dash));
    auto last = dash == std::string::npos ? first : number(std::string_view(part).substr(dash + 1));
    if (!first || !last || *last < *first || *last - *first > 100000) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("--seeds: expected numbers as 1,2,3 or 1-5, found \"{}\"", text));
    }
    for (uint64_t seed = *first; seed <= *last; ++seed) seeds.push_back(seed);
  }
  return seeds;
}

/// Tasks of one family and kind, instances of one template, are drawn together.
Status group_by_kind(std::vector<eval::Task>& tasks) {
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

Status add_tasks(const Options& options, experiment::Plan& plan) {
  eval::TaskSet all{options.tasks, {}};
  for (const std::string& name : split(options.tasks, ',')) {
    WHET_TRY(std::vector<TaskFileContent> files, open_tasks(name));
    for (const TaskFileContent& file : files) {
      const std::vector<eval::Task>& tasks = file.set.tasks;
      plan.task_files.push_back(
          {file.set.name, file.path, file.sha256, static_cast<int64_t>(tasks.size())});
      all.tasks.insert(all.tasks.end(), tasks.begin(), tasks.end());
    }
  }
  if (options.limit > 0) all = eval::subsample(all, options.limit, 0);
  if (options.group_by == "kind") WHET_TRY_STATUS(group_by_kind(all.tasks));
  plan.tasks = std::move(all.tasks);
  return ok_status();
}

/// What another engine tells of its model.
experiment::ModelInfo describe_remote(const Options& options, const ModelDescription& model) {
  experiment::ModelInfo info;
  info.path = options.model.model;
  info.name = model.name;
  info.endpoint = model.endpoint;
  if (model.n_parameters > 0) info.n_parameters = model.n_parameters;
  if (model.n_bytes > 0) info.size_bytes = static_cast<int64_t>(model.n_bytes);
  if (model.context > 0) info.context_tokens = model.context;
  info.chat_template = model.has_chat_template ? "of the endpoint" : "none";
  return info;
}

Result<experiment::ModelInfo> describe_model(const Options& options, const Engine& engine) {
  const LoadedModel& loaded = engine.loaded();
  experiment::ModelInfo info;
  info.path = options.model.model;
  info.name = fs::path(options.model.model).filename().string();
  WHET_TRY(info.name, loaded.file.get_string_or("general.name", info.name));
  info.architecture = loaded.model.config.architecture;
  int64_t weights = 0, bytes = 0;
  std::map<std::string_view, int64_t> by_type;
  for (const TensorEntry& t : loaded.file.tensors) {
    int64_t n = 1;
    for (uint64_t d : t.shape) n *= static_cast<int64_t>(d);
    weights += n;
    by_type[dtype_info(t.type).name] += n;
  }
  std::string hashes;
  for (const auto& file : loaded.files_on_disk) {
    bytes += static_cast<int64_t>(file->bytes().size());
    WHET_TRY(std::string hash, sha256_hex(file->bytes()));
    hashes += (hashes.empty() ? "" : " ") + hash;
  }
  info.n_parameters = weights;
  info.size_bytes = bytes;
  info.sha256 = hashes;
  info.type = std::max_element(by_type.begin(), by_type.end(), [](auto& a, auto& b) {
                return a.second < b.second;
              })->first;
  info.context_tokens = engine.context();
  info.cache_type = cache_type_name(engine.kv_shape().type);
  info.arithmetic = options.model.engine.exact ? "exact" : "quantised";
  info.weights = weight_storage_name(loaded.storage);
  info.chat_template = !options.model.chat_template_file.empty()
                           ? "from " + options.model.chat_template_file
                       : engine.describe().has_chat_template ? "from the model"
                                                             : "none";
  return info;
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
  if (plan.same_time_controls) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("the rows 'baseline given the same time' choose by log-probabilities, "
                             "and {} gives none; give --no-controls",
                             model.endpoint));
  }
  print_note("no log-probabilities: votes that tie go to the earliest answer");
  return ok_status();
}

Result<experiment::Plan> make_plan(const Options& options, const OpenedModel& opened) {
  const ModelDescription& model = opened.generator->describe();
  const int threads =
      opened.engine != nullptr ? opened.engine->threads() : cpu_limits().usable_threads();
  experiment::Plan plan;
  plan.title = "Which strategies pay: " + fs::path(options.model.model).filename().string();
  plan.command = process_arguments();
  plan.strategies = split_strategies(options.strategies);
  WHET_TRY(plan.seeds, parse_seeds(options.seeds));
  WHET_TRY_STATUS(add_tasks(options, plan));
  WHET_TRY(plan.sampling, options.sampling.resolve());
  plan.sampling.seed = SamplingParams{}.seed;  // each run has one of plan.seeds
  plan.max_tokens = options.max_tokens;
  plan.system = options.system;
  plan.raw_prompt = options.raw || !model.has_chat_template;
  if (options.time_limit_s > 0) plan.time_limit_s = options.time_limit_s;
  if (options.task_time_limit_s > 0) plan.task_time_limit_s = options.task_time_limit_s;
  plan.same_time_controls = !options.no_controls;
  plan.warmup = options.warmup;
  plan.grade_candidates = options.grade_candidates;
  plan.n_grading_threads = threads;
  plan.out_dir = options.out_dir;
  plan.resume = options.resume;
  plan.whet = {
      .version = version_string(),
      .commit = commit_hash(),
      .dirty = commit_is_dirty(),
      .compiler = compiler_string(),
      .flags = build_flags(),
      .build_type = build_type(),
      .isa = std::string(kernels::isa_name(kernels::kernels().isa)),
      .threads = opened.engine != nullptr ? std::optional<int64_t>(threads) : std::nullopt};
  if (opened.engine != nullptr) {
    WHET_TRY(plan.model, describe_model(options, *opened.engine));
    ThreadPool pool(threads);
    plan.memory_bandwidth_bytes_s = measure_read_bandwidth(pool);
  } else {
    plan.model = describe_remote(options, model);
  }
  WHET_TRY_STATUS(check_strategies(plan, model));
  return plan;
}

/// The engines of a comparison, the base first.
struct Compared {
  Engine* base = nullptr;
  std::vector<OpenedVariant> variants;
};

/// Bits per byte of each on the text; the rows stand in the same order.
Status score_rows(const Options& options, const Compared& compared,
                  std::vector<TechniqueRow>& rows) {
  if (options.text_file.empty()) return ok_status();
  WHET_TRY(const std::string text, read_stream(options.text_file, kMaxTextBytes));
  std::vector<Engine*> engines = {compared.base};
  for (const OpenedVariant& variant : compared.variants) engines.push_back(variant.engine.get());
  for (size_t i = 0; i < engines.size() && i < rows.size(); ++i) {
    WHET_TRY(const auto tokens,
             engines[i]->tokenizer().encode(text, {.add_special = false, .parse_special = false}));
    WHET_TRY(const TextScore score, score_text(*engines[i], tokens));
    rows[i].bits_per_byte = score.bits_per_byte(tokens.size(), text.size());
    rows[i].bits_per_byte_error = *rows[i].bits_per_byte * score.standard_error() / score.mean();
  }
  return ok_status();
}

/// Characters per second against the base, as a picture.
Result<std::string> draw_improvements(const std::string& title,
                                      const std::vector<TechniqueRow>& rows) {
  std::vector<report::SpeedupRow> bars;
  for (const TechniqueRow& row : rows) {
    const auto& ratio = row.characters_per_second;
    if (!ratio) continue;
    report::SpeedupRow bar{row.name, ratio->value, {}, {}, {}};
    if (ratio->interval) {
      bar.low = ratio->interval->low;
      bar.high = ratio->interval->high;
    }
    bars.push_back(std::move(bar));
  }
  return report::render_speedups(
      {title, "characters per second over the base's", "same questions, in turn"}, bars);
}

Status report_techniques(const Options& options, const Compared& compared,
                         const results::Document& document) {
  std::vector<TechniqueRow> rows = technique_rows(document);
  WHET_TRY_STATUS(score_rows(options, compared, rows));
  fmt::print(
      "\n{}\nRatios: against the baseline on the same questions, geometric means with 95 % "
      "intervals over tasks.\n",
      technique_table(rows));
  const fs::path directory = options.out_dir;
  WHET_TRY_STATUS(write_file_atomically((directory / "compare.json").string(),
                                        json_text(technique_json(rows), 1) + "\n"));
  WHET_TRY_STATUS(write_file_atomically((directory / "compare.csv").string(), technique_csv(rows)));
  if (options.no_charts) return ok_status();
  const auto picture = draw_improvements(document.title, rows);
  if (!picture.ok()) {  // as the report's own pictures: the rest is written
    print_warning(picture.error().message());
    return ok_status();
  }
  return write_file_atomically((directory / "chart-improvements.svg").string(), *picture);
}

int report_results(const Options& options, const experiment::ExperimentResult& result) {
  const report::Report report = report::make_report(result.document);
  report::ReportOptions report_options;
  report_options.charts = !options.no_charts;
  auto files = report::write_report(report, options.out_dir, report_options);
  if (!files.ok()) return fail(files.error());
  fmt::print("{}", report::render_terminal(
                       report, {.width = report::stdout_width(), .colour = colour_stdout()}));
  fmt::print("\nfiles:\n");
  for (const std::string& name : {result.results_path, result.events_path})
    fmt::print("  {}\n", name);
  for (const std::string& name : files->written)
    fmt::print("  {}\n", (fs::path(options.out_dir) / name).string());
  for (const std::string& warning : files->warnings) print_warning(warning);
  if (!result.complete) {
    print_message("whet: stopped early; what was finished is kept. Go on with --resume.\n");
  }
  fmt::print("\nopen {}\n", (fs::path(options.out_dir) / "report.html").string());
  if (result.complete) return 0;
  return interrupt_flag().cancelled() ? exit_status(ErrorCode::kCancelled) : kStoppedByTimeLimit;
}

/// What would be run and what it could show; no model is loaded.
int print_plan(const Options& options) {
  experiment::Plan plan;
  if (Status added = add_tasks(options, plan); !added.ok()) return fail(added.error());
  auto seeds = parse_seeds(options.seeds);
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
  for (const std::string& spec : split_strategies(options.strategies)) {
    const auto made = strategy::make_strategy(spec);
    if (!made.ok()) return fail(made.error());
    const bool is_compared = (*made)->kind() == strategy::Kind::kStrategy;
    ++(is_compared ? design.n_strategies : design.n_baselines);
  }
  if (!options.no_controls) design.n_controls = design.n_strategies;
  fmt::print("{}", eval_design_text(design));
  return 0;
}

int run(const Options& options) {
  if (options.plan_only) return print_plan(options);
  if (options.resume && options.overwrite) {
    return fail(
        Error(ErrorCode::kInvalidArgument, "give one of --resume and --overwrite, not both"));
  }
  // Before a model is loaded for nothing.
  if (auto seeds = parse_seeds(options.seeds); !seeds.ok()) return fail(seeds.error());
  auto model = options.model.open();
  if (!model.ok()) return fail(model.error());
  auto plan = make_plan(options, *model);
  if (!plan.ok()) return fail(plan.error());
  Compared compared{model->engine, {}};
  if (!options.with.empty()) {
    if (model->engine == nullptr) {
      return fail(Error(ErrorCode::kInvalidArgument,
                        fmt::format("-m: expected a model file to compare variants of, found the "
                                    "address {}",
                                    options.model.model)));
    }
    plan->title = "What each technique buys: " + fs::path(options.model.model).filename().string();
    auto variants = open_variants(options.model, options.with);
    if (!variants.ok()) return fail(variants.error());
    compared.variants = std::move(*variants);
  }
  if (options.overwrite) {
    const Status removed = results::EventLog::remove(options.out_dir);
    if (!removed.ok()) return fail(removed.error());
  }

  experiment::Environment environment;
  environment.cancel = &interrupt_flag();
  for (const OpenedVariant& variant : compared.variants) {
    environment.variants.push_back({variant.name, variant.description, variant.engine.get()});
  }
  if (!options.no_code) {
    const auto& sandbox = eval::Sandbox::of_this_machine();
    if (sandbox.ok()) {
      environment.sandbox = &*sandbox;
    } else {
      environment.no_sandbox_reason = sandbox.error().message();
    }
  }
  std::optional<report::Progress> progress;
  environment.on_progress = [&](const experiment::Progress& p) {
    if (!progress) {
      report::ProgressOptions bar = report::stderr_progress();
      bar.done_before = p.n_done;
      progress.emplace("eval", p.n_planned, bar);
    }
    progress->update(p.n_done, p.last != nullptr ? p.last->strategy : "");
  };
  auto result = experiment::run_experiment(*plan, *model->generator, environment);
  if (progress) progress->finish();
  if (!result.ok()) return fail(result.error());
  if (!compared.variants.empty()) {
    const Status reported = report_techniques(options, compared, result->document);
    if (!reported.ok()) return fail(reported.error());
  }
  return report_results(options, *result);
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
  auto options = std::make_shared<Options>();
  Command command("eval", "Measure which test-time strategies pay: graded quality beside cost");
  options->model.use = {.lives_long = true, .rows_per_step = kSequences};
  options->model.add_to(command, "auto");
  command.add("--strategies", &options->strategies, "comma list; see below");
  command.add("--tasks", &options->tasks,
              "comma list of .jsonl files (own format, GSM8K, HumanEval), directories, or built-in "
              "families");
  command
      .add("-n,--limit", &options->limit,
           "most tasks; each family keeps its share of them (0 = all)")
      .at_least(0);
  command.add("-s,--seed,--seeds", &options->seeds, "repetitions: 1,2,3 or 1-5");
  command.add("-o,--out", &options->out_dir, "directory for results, pictures and the record")
      .value_name("DIRECTORY");
  command.add("--max-tokens", &options->max_tokens, "most tokens of one completion").at_least(1);
  command
      .add("--group-by", &options->group_by,
           "which tasks are drawn together, so that intervals and verdicts count them so: those "
           "with one \"group\" in the file, or those of one kind")
      .one_of({"file", "kind"});
  command.add("--system", &options->system, "system message");
  command.add("--time-limit", &options->time_limit_s, "stop after this many seconds (0 = none)")
      .at_least(0);
  command
      .add("--task-time-limit", &options->task_time_limit_s,
           "cancel a strategy on a task after this many seconds (0 = never)")
      .at_least(0);
  command.add("--warmup", &options->warmup, "uncounted runs before the first").at_least(0);
  command.add("--resume", &options->resume, "go on with the record in the output directory");
  command.add("--overwrite", &options->overwrite, "replace the record in the output directory");
  command.add("--grade-candidates", &options->grade_candidates,
              "also grade candidates that were not chosen");
  command.add("--no-code", &options->no_code, "run no generated code, not even in the sandbox");
  command.add("--no-controls", &options->no_controls,
              "leave out the rows 'baseline given the same time'");
  command.add("--no-charts", &options->no_charts, "draw no pictures");
  command.add("--plan", &options->plan_only,
              "run nothing: say how many runs this is and which gains it could show");
  command.add("--raw", &options->raw, "do not apply the chat template");
  options->model.add_speculation_to(command);
  options->sampling.add_to(command);
  options->model.add_remote_to(command);
  command.footer(strategy_help());
  command.action([options] { return run(*options); });
  return command;
}

Command make_compare_command() {
  auto options = std::make_shared<Options>();
  options->strategies = "baseline";
  options->no_controls = true;
  // An answer is neither proposed from nor cached for the next run of its question.
  options->model.speculation.types = "none";
  options->model.speculation.no_session = true;
  options->model.engine.prefix_cache = false;
  Command command("compare", "Measure what techniques buy, alone and together, on one model");
  options->model.add_to(command, "off");
  command.add("--with", &options->with, kVariantsHelp).required().value_name("VARIANT");
  command.add("--tasks", &options->tasks,
              "comma list of .jsonl files (own format, GSM8K, HumanEval), directories, or built-in "
              "families");
  command
      .add("-n,--limit", &options->limit,
           "most tasks; each family keeps its share of them (0 = all)")
      .at_least(0);
  command.add("-s,--seed,--seeds", &options->seeds, "repetitions: 1,2,3 or 1-5");
  command.add("-o,--out", &options->out_dir, "directory for results, pictures and the record")
      .value_name("DIRECTORY");
  command.add("--max-tokens", &options->max_tokens, "most tokens of one completion").at_least(1);
  command.add("--text", &options->text_file, "a text: bits per byte of each variant on it")
      .value_name("FILE");
  command.add("--time-limit", &options->time_limit_s, "stop after this many seconds (0 = none)")
      .at_least(0);
  command.add("--resume", &options->resume, "go on with the record in the output directory");
  command.add("--overwrite", &options->overwrite, "replace the record in the output directory");
  command.add("--no-code", &options->no_code, "run no generated code, not even in the sandbox");
  command.add("--no-charts", &options->no_charts, "draw no pictures");
  options->sampling.add_to(command);
  command.footer(
      "Runs of one question follow one another, the first another one each time. All models are\n"
      "in memory at once: the peak of memory is of all of them, bytes of keys and values are of\n"
      "each run.\n");
  command.action([options] { return run(*options); });
  return command;
}

}  // namespace whet
