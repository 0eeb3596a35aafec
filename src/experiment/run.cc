#include "experiment/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "experiment/document.h"
#include "experiment/history.h"
#include "experiment/looks.h"
#include "experiment/outcome_event.h"
#include "experiment/schedule.h"
#include "results/document_file.h"
#include "results/event_log.h"
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
      history_.remember(event);
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
    const bool has_work = history_.n_done() < schedule.size();
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
      if (is_done(planned)) continue;
      WHET_TRY_STATUS(run_one(planned, /*warmup=*/false));
    }
    return finish();
  }

 private:
  bool is_done(const PlannedRun& planned) const {
    return history_.contains(line_.runners[planned.row].row.name, plan_.tasks[planned.task].id,
                             plan_.seeds[planned.seed]);
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
    environment_.on_progress({static_cast<int64_t>(history_.n_done()),
                              status_.n_planned.value_or(0), last,
                              static_cast<double>(environment_.now_ns() - started_ns_) * 1e-9});
  }

  strategy::Context context_of(const PlannedRun& planned, bool warmup) {
    strategy::Context context;
    context.seed = plan_.seeds[planned.seed];
    context.run_budget = &history_.budget(line_.runners[planned.row].row.name, context.seed);
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
    history_.remember(event);
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
      event.time_budget_ns = history_.median_ns(timed, task.id);
      if (!event.time_budget_ns || *event.time_budget_ns <= 0) {
        event.error = fmt::format("{} has no time on this task", timed);
        event.grade_detail = *event.error;
        return record(std::move(event));
      }
      context.time_budget_ns = *event.time_budget_ns;
      context.n_in_time = history_.n_in_time(line_, line_.runners[*runner.time_of].row, task.id,
                                             *event.time_budget_ns);
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
    fill_event(event, *outcome, origin_ns_);
    grade(event, task, *outcome);
    return record(std::move(event));
  }

  Result<ExperimentResult> finish() {
    status_.n_done = static_cast<int64_t>(history_.n_done());
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
    options.control = has_vote_controls(plan_) ? "a vote in the same time" : options.control;
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
  History history_;
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
