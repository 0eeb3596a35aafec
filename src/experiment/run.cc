#include "experiment/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "experiment/batch_times.h"
#include "experiment/document.h"
#include "experiment/looks.h"
#include "experiment/schedule.h"
#include "results/document_file.h"
#include "results/event_log.h"
#include "stats/sample.h"
#include "strategy/registry.h"
#include "sys/core_clock.h"
#include "sys/cpu_time.h"
#include "sys/file_bytes.h"
#include "sys/machine.h"
#include "sys/sha256.h"

namespace whet::experiment {
namespace {

using EventCandidate = results::Candidate;
using results::EventHeader;
using results::EventLog;
using strategy::Strategy;

/// A row that runs: a strategy, or the control of one.
struct Runner {
  Row row;
  std::shared_ptr<const Strategy> strategy;
  std::optional<size_t> time_of;   // control: index of the row whose time it is given
  Generator* generator = nullptr;  // null: the experiment's own
  bool shares_prompts = false;     // Variant's
};

struct Line {
  std::vector<Runner> runners;  // strategies, then controls
  size_t n_strategies = 0;
  size_t baseline = 0;
};

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
      runner.row.name = runner.row.against + "/" + runner.row.name;
      runner.generator = line.runners[v].generator;
      runner.shares_prompts = line.runners[v].shares_prompts;
      line.runners.push_back(std::move(runner));
    }
  }
}

bool is_vote(const Plan& plan) {
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
        {{variant.name, "", StrategyKind::kStrategy, {}, variant.description, {}},
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
            fmt::format("{}, {}'s time", is_vote(plan) ? "vote" : "baseline", name),
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

int64_t seconds_to_ns(double seconds) {
  return static_cast<int64_t>(seconds * 1e9);
}

std::vector<std::string> families_of(const std::vector<eval::Task>& tasks) {
  std::vector<std::string> families;
  for (const eval::Task& task : tasks) {
    if (std::find(families.begin(), families.end(), task.family) == families.end()) {
      families.push_back(task.family);
    }
  }
  return families;
}

double load_average() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : 0;
}

/// Every event of a record is one that this experiment plans. Their fingerprints are equal, so
/// another one was put there by something else.
Status check_planned(const EventLog& log, const Plan& plan, const Line& line) {
  std::map<std::string, std::string> family_of;
  for (const eval::Task& task : plan.tasks) family_of[task.id] = task.family;
  std::set<std::string> names;
  for (const Runner& runner : line.runners) names.insert(runner.row.name);
  const std::set<uint64_t> seeds(plan.seeds.begin(), plan.seeds.end());
  for (size_t i = 0; i < log.events().size(); ++i) {
    const Event& event = log.events()[i];
    const auto family = family_of.find(event.task);
    if (names.contains(event.strategy) && seeds.contains(event.seed) && family != family_of.end() &&
        family->second == event.family) {
      continue;
    }
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}:{}: strategy {}, task {} of family {}, seed {} is not of this "
                    "experiment; the record was edited. Remove the line",
                    log.path(), i + 2, event.strategy, event.task, event.family, event.seed));
  }
  return ok_status();
}

class Experiment {
 public:
  Experiment(const Plan& plan, Generator& generator, const Environment& environment, Line line,
             EventLog log)
      : plan_(plan),
        generator_(generator),
        environment_(environment),
        line_(std::move(line)),
        log_(std::move(log)),
        grader_(environment.sandbox, environment.no_sandbox_reason) {
    int64_t last_ns = 0;
    for (const Event& event : log_.events()) {
      last_ns = std::max(last_ns, event.end_ns);
      next_sequence_ = std::max(next_sequence_, event.sequence + 1);
      remember(event);
    }
    origin_ns_ = environment_.now_ns() - last_ns;  // a resumed run goes on where the record ends
    started_ns_ = environment_.now_ns();
    status_.load_average = load_average();
  }

  Result<ExperimentResult> run() {
    auto schedule = make_schedule(plan_.tasks.size(), plan_.seeds.size(), line_.n_strategies,
                                  line_.runners.size() - line_.n_strategies);
    std::vector<std::string> families;
    for (const eval::Task& task : plan_.tasks) families.push_back(task.family);
    const auto order = interleave_families(families);
    for (PlannedRun& planned : schedule) planned.task = order[planned.task];
    status_.n_planned = static_cast<int64_t>(schedule.size());
    report(nullptr);
    const bool has_work = done_.size() < schedule.size();
    for (int i = 0; has_work && i < plan_.warmup && !stopped(); ++i) {
      for (size_t row = 0; row < line_.runners.size(); ++row) {
        const Runner& runner = line_.runners[row];
        const bool is_variant =
            runner.generator != nullptr && runner.row.against.empty() && !runner.time_of;
        if (row != line_.baseline && !is_variant) continue;
        WHET_TRY_STATUS(run_one({plan_.tasks.size() - 1, 0, row}, /*warmup=*/true));
      }
    }
    for (const PlannedRun& planned : schedule) {
      if (stopped()) break;
      if (done_.contains(key_of(planned))) continue;
      WHET_TRY_STATUS(run_one(planned, /*warmup=*/false));
    }
    return finish();
  }

 private:
  using Key = std::tuple<std::string, std::string, uint64_t>;

  Key key_of(const PlannedRun& planned) const {
    return {line_.runners[planned.row].row.name, plan_.tasks[planned.task].id,
            plan_.seeds[planned.seed]};
  }

  bool cancelled() const { return environment_.cancel && environment_.cancel->cancelled(); }

  /// Cancelled or out of time; remembers why.
  bool stopped() {
    if (!status_.stop_reason.empty()) return true;
    if (cancelled()) {
      status_.stop_reason = "interrupted";
    } else if (plan_.time_limit_s &&
               environment_.now_ns() - started_ns_ >= seconds_to_ns(*plan_.time_limit_s)) {
      status_.stop_reason = "time limit";
    }
    return !status_.stop_reason.empty();
  }

  void report(const Event* last) const {
    if (!environment_.on_progress) return;
    environment_.on_progress({static_cast<int64_t>(done_.size()), status_.n_planned.value_or(0),
                              last,
                              static_cast<double>(environment_.now_ns() - started_ns_) * 1e-9});
  }

  strategy::Context context_of(const PlannedRun& planned, bool warmup) {
    strategy::Context context;
    context.seed = plan_.seeds[planned.seed];
    context.run_budget = &budgets_[{line_.runners[planned.row].row.name, context.seed}];
    // Rows share questions and first draws: what one leaves behind (its prompt's keys and values,
    // its text to propose from) would make the next one fast.
    const Runner& runner = line_.runners[planned.row];
    context.cache_scope = runner.shares_prompts && !warmup ? "runs of " + runner.row.name
                                                           : fmt::format("run {}", next_sequence_);
    context.sampling = plan_.sampling;
    context.max_tokens = plan_.max_tokens;
    context.raw_prompt = plan_.raw_prompt;
    context.cancel = environment_.cancel;
    context.now_ns = environment_.now_ns;
    context.sandbox = environment_.sandbox;
    context.n_threads = plan_.n_grading_threads;
    context.every_candidate = plan_.grade_candidates;
    if (plan_.task_time_limit_s) {
      context.deadline_ns = environment_.now_ns() + seconds_to_ns(*plan_.task_time_limit_s);
    }
    return context;
  }

  eval::Question asked(const eval::Task& task) const {
    eval::Question question = task.question;
    if (!plan_.system.empty()) {
      question.messages.insert(question.messages.begin(),
                               {.role = "system", .content = plan_.system});
    }
    return question;
  }

  /// Takes what later runs need to know of an event.
  void remember(const Event& event) {
    if (event.warmup) return;
    done_.insert({event.strategy, event.task, event.seed});
    if (event.error) return;
    // Steps and all: what was drawn is what was spent.
    const auto first = event.candidates.empty() ? std::nullopt : event.candidates[0].logprob;
    budgets_[{event.strategy, event.seed}].note(first, event.candidates.size());
    const auto time = static_cast<double>(event.end_ns - event.start_ns);
    times_[{event.strategy, event.task}].push_back(time);
    if (event.n_calls == 1 && event.candidates.size() > 1) {
      batches_.push_back({event.strategy, event.task, event.candidates.size(), time});
    }
  }

  const std::string& baseline_of(const Row& row) const {
    return row.against.empty() ? line_.runners[line_.baseline].row.name : row.against;
  }

  /// Samples of one batch that are expected to end in this time, as batches of rows with the same
  /// baseline have done so far.
  size_t n_in_time(const Row& timed, const std::string& task, int64_t time_ns) const {
    const std::string& baseline = baseline_of(timed);
    const auto single_ns = median_ns(baseline, task);
    if (!single_ns || *single_ns <= 0) return 1;
    std::map<std::string, bool> shares_baseline;
    for (const Runner& runner : line_.runners) {
      const Row& asks = runner.time_of ? line_.runners[*runner.time_of].row : runner.row;
      shares_baseline[runner.row.name] = baseline_of(asks) == baseline;
    }
    BatchTimes known;
    for (const Batch& batch : batches_) {
      const auto single = median_ns(baseline, batch.task);
      if (!single || *single <= 0 || !shares_baseline[batch.row]) continue;
      known.note(batch.n, batch.time_ns / static_cast<double>(*single));
    }
    return known.n_within(static_cast<double>(time_ns) / static_cast<double>(*single_ns));
  }

  /// Median time that `row` took on this task over its seeds; none if it never finished.
  std::optional<int64_t> median_ns(const std::string& row, const std::string& task) const {
    const auto times = times_.find({row, task});
    if (times == times_.end()) return std::nullopt;
    return static_cast<int64_t>(*stats::median(times->second));
  }

  Event blank_event(const PlannedRun& planned, bool warmup) const {
    const eval::Task& task = plan_.tasks[planned.task];
    Event event;
    event.strategy = line_.runners[planned.row].row.name;
    event.task = task.id;
    event.family = task.family;
    event.group = task.group;
    event.seed = plan_.seeds[planned.seed];
    event.sequence = next_sequence_;
    event.warmup = warmup;
    event.question = task.question.text();
    if (!task.key.answer.empty()) event.reference = task.key.answer;
    event.start_ns = event.end_ns = environment_.now_ns() - origin_ns_;
    return event;
  }

  void fill(Event& event, const strategy::Outcome& outcome) const {
    event.start_ns = outcome.start_ns - origin_ns_;
    event.end_ns = outcome.end_ns - origin_ns_;
    if (outcome.first_token_ns) event.first_token_ns = *outcome.first_token_ns - origin_ns_;
    event.prompt_tokens = outcome.n_prompt_tok;
    event.completion_tokens = outcome.n_completion_tok;
    event.n_calls = outcome.n_calls;
    event.how = outcome.how;
    event.fell_back = outcome.fell_back;
    for (const strategy::SkippedStage& skipped : outcome.skipped) {
      event.skipped.push_back({skipped.stage, skipped.reason});
    }
    if (!outcome.text.empty()) event.answer = outcome.text;
    if (outcome.kv_committed_bytes > 0) {
      event.kv_bytes = static_cast<int64_t>(outcome.kv_committed_bytes);
    }
    for (const strategy::Candidate& candidate : outcome.candidates) {
      EventCandidate out;
      out.stage = candidate.stage;
      out.text = candidate.text;
      out.tokens = candidate.n_completion_tok;
      out.finish = finish_reason_name(candidate.finish);
      out.temperature = candidate.temperature;
      out.logprob = candidate.mean_logprob;
      out.answer = candidate.answer;
      out.score = candidate.score;
      out.eligible = candidate.eligible;
      if (!candidate.reason.empty()) out.reason = candidate.reason;
      out.chosen = candidate.chosen;
      event.candidates.push_back(std::move(out));
    }
  }

  /// Outside of every timed region.
  void grade(Event& event, const eval::Task& task, const strategy::Outcome& outcome) const {
    const std::string answer = event.answer.value_or("");
    std::vector<eval::GradeJob> jobs = {{&task, answer}};
    std::vector<EventCandidate*> graded = {nullptr};
    const bool with_candidates = plan_.grade_candidates && event.candidates.size() > 1;
    for (size_t i = 0; with_candidates && i < event.candidates.size(); ++i) {
      if (outcome.candidates[i].is_step) continue;
      jobs.push_back({&task, event.candidates[i].text});
      graded.push_back(&event.candidates[i]);
    }
    const auto grades = grader_.grade_all(jobs, plan_.n_grading_threads);
    event.grade = grades[0].status;
    event.strict = grades[0].strict;
    event.grade_rule = grades[0].rule;
    event.grade_detail = grades[0].detail;
    event.metrics = grades[0].metrics;
    for (size_t i = 1; i < grades.size(); ++i) {
      if (grades[i].status != eval::GradeStatus::kNotGraded) {
        graded[i]->correct = grades[i].correct();
      }
    }
  }

  Status record(Event event) {
    ++next_sequence_;
    WHET_TRY_STATUS(log_.append(event));
    remember(event);
    report(&event);
    return ok_status();
  }

  /// One run, graded and on disk; a run that was cancelled leaves no trace.
  Status run_one(const PlannedRun& planned, bool warmup) {
    const Runner& runner = line_.runners[planned.row];
    const eval::Task& task = plan_.tasks[planned.task];
    Event event = blank_event(planned, warmup);
    strategy::Context context = context_of(planned, warmup);
    if (runner.time_of) {
      const std::string& timed = line_.runners[*runner.time_of].row.name;
      event.time_budget_ns = median_ns(timed, task.id);
      if (!event.time_budget_ns || *event.time_budget_ns <= 0) {
        event.error = fmt::format("{} has no time on this task", timed);
        event.grade_detail = *event.error;
        return record(std::move(event));
      }
      context.time_budget_ns = *event.time_budget_ns;
      context.n_in_time =
          n_in_time(line_.runners[*runner.time_of].row, task.id, *event.time_budget_ns);
    }
    event.core_clock = dependent_multiplications_per_s();
    const bool has_new_peak = reset_peak_rss();
    const auto cpu_before = cpu_time();
    Generator& generator = runner.generator != nullptr ? *runner.generator : generator_;
    const auto outcome = runner.strategy->solve(asked(task), generator, context);
    if (has_new_peak) {
      if (const auto peak = peak_rss_bytes()) event.peak_rss_bytes = static_cast<int64_t>(*peak);
    }
    if (const auto cpu_after = cpu_time(); cpu_before && cpu_after) {
      event.other_cpu_ns =
          (cpu_after->busy_ns - cpu_before->busy_ns) - (cpu_after->own_ns - cpu_before->own_ns);
      event.stolen_cpu_ns = cpu_after->stolen_ns - cpu_before->stolen_ns;
    }
    if (cancelled()) return ok_status();
    // A model that computes no numbers, or cannot be asked at all, will not do better next time.
    if (!outcome.ok() && outcome.error().code() == ErrorCode::kInvalidModel) return outcome.error();
    if (!outcome.ok()) {
      event.end_ns = environment_.now_ns() - origin_ns_;
      event.error = outcome.error().message();
      event.grade_detail = *event.error;
      return record(std::move(event));
    }
    fill(event, *outcome);
    grade(event, task, *outcome);
    return record(std::move(event));
  }

  Result<ExperimentResult> finish() {
    status_.n_done = static_cast<int64_t>(done_.size());
    status_.complete = status_.n_done == status_.n_planned;
    status_.wall_s = static_cast<double>(environment_.now_ns() - origin_ns_) * 1e-9;
    if (status_.complete) status_.stop_reason.clear();
    const std::string results_path =
        (std::filesystem::path(plan_.out_dir) / "results.json").string();
    if (plan_.resume) {
      // Results that cannot be read are made anew; that the record was looked at stays unknown.
      if (const auto before = results::load_document(results_path); before.ok()) {
        status_.looks = before->status.looks;
      }
    }
    if (status_.looks.empty() || status_.looks.back() != *status_.n_done) {
      status_.looks.push_back(*status_.n_done);
    }

    MetricOptions options;
    options.baseline = line_.runners[line_.baseline].row.name;
    options.families = families_of(plan_.tasks);
    options.wordings = plan_.wordings;
    options.min_gain = plan_.min_gain;
    options.min_time_gain = plan_.min_time_gain;
    options.alpha = alpha_of_last_look(status_, 1 - plan_.level);
    options.control = is_vote(plan_) ? "a vote in the same time" : options.control;
    options.bootstrap = {plan_.level, plan_.n_resamples, plan_.bootstrap_seed};
    std::vector<Row> rows;
    for (const Runner& runner : line_.runners) rows.push_back(runner.row);

    ExperimentResult result;
    result.complete = status_.complete;
    result.events_path = log_.path();
    WHET_TRY(auto file, FileBytes::map(log_.path()));
    WHET_TRY(std::string digest, sha256_hex(file->bytes()));
    const bool has_sandbox = environment_.sandbox != nullptr;
    result.document = make_document(
        plan_, summarise(rows, log_.events(), options), options, status_,
        has_sandbox ? results::SandboxStatus{true, "bubblewrap", "", environment_.sandbox->limits()}
                    : results::SandboxStatus{false, "", environment_.no_sandbox_reason, ""});
    result.document.events = log_.events();
    result.document.events_file = {"events.jsonl", static_cast<int64_t>(log_.events().size()),
                                   digest};
    result.results_path = results_path;
    WHET_TRY_STATUS(results::save_document(result.document, result.results_path));
    return result;
  }

  const Plan& plan_;
  Generator& generator_;
  const Environment& environment_;
  Line line_;
  EventLog log_;
  eval::Grader grader_;
  std::set<Key> done_;
  std::map<std::pair<std::string, std::string>, std::vector<double>> times_;  // ns, by row, task
  struct Batch {
    std::string row, task;
    size_t n;
    double time_ns;
  };
  std::vector<Batch> batches_;  // runs that were one request
  /// By row and seed; an interrupted run goes on with what its record says was spent.
  std::map<std::pair<std::string, uint64_t>, strategy::RunBudget> budgets_;
  RunStatus status_;
  int64_t next_sequence_ = 0;
  int64_t origin_ns_ = 0;   // monotonic time of the run's start, earlier parts included
  int64_t started_ns_ = 0;  // of this process's part
};

}  // namespace

Result<ExperimentResult> run_experiment(const Plan& plan, Generator& generator,
                                        const Environment& environment) {
  WHET_TRY_STATUS(check_plan(plan));
  WHET_TRY(Line line, make_line(plan, environment.variants));
  EventHeader header;
  header.created = results::utc_now();
  header.command = plan.command;
  header.parts = fingerprint_parts(plan, environment.sandbox != nullptr);
  for (const Variant& variant : environment.variants) {
    header.parts["variant " + variant.name] = variant.description;
  }
  WHET_TRY(header.fingerprint, fingerprint(header.parts));
  if (plan.overwrite) WHET_TRY_STATUS(EventLog::remove(plan.out_dir));
  auto log =
      plan.resume ? EventLog::resume(plan.out_dir, header) : EventLog::create(plan.out_dir, header);
  if (!log.ok()) return log.error();
  WHET_TRY_STATUS(check_planned(*log, plan, line));
  return Experiment(plan, generator, environment, std::move(line), std::move(log).value()).run();
}

}  // namespace whet::experiment
