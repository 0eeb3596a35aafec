#include "cli/experiment_run.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "report/progress.h"
#include "report/report_files.h"
#include "report/terminal.h"

namespace whet {
namespace {

namespace fs = std::filesystem;

constexpr int kStoppedByTimeLimit = 4;  // exit status, docs/cli.md

}  // namespace

Result<experiment::ExperimentResult> run_plan(const ExperimentFlags& flags,
                                              const experiment::Plan& plan, Generator& generator,
                                              std::span<const OpenedVariant> variants) {
  experiment::Environment environment;
  environment.cancel = &interrupt_flag();
  for (const OpenedVariant& variant : variants) {
    environment.variants.push_back({variant.name, variant.label, variant.description,
                                    variant.engine.get(), variant.shares_prompts});
  }
  if (!flags.no_code) {
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
  auto result = experiment::run_experiment(plan, generator, environment);
  if (progress) progress->finish();
  return result;
}

int report_results(const ExperimentFlags& flags, const experiment::ExperimentResult& result,
                   std::vector<report::TechniqueRow> techniques) {
  report::Report report = report::make_report(result.document);
  report.techniques = std::move(techniques);
  report::ReportOptions report_options;
  report_options.charts = !flags.no_charts;
  auto files = report::write_report(report, flags.out_dir, report_options);
  if (!files.ok()) return fail(files.error());
  fmt::print("{}", report::render_terminal(
                       report, {.width = report::stdout_width(), .colour = colour_stdout()}));
  fmt::print("\nfiles:\n");
  for (const std::string& name : {result.results_path, result.events_path})
    fmt::print("  {}\n", name);
  for (const std::string& name : files->written)
    fmt::print("  {}\n", (fs::path(flags.out_dir) / name).string());
  for (const std::string& warning : files->warnings) print_warning(warning);
  if (!result.complete) {
    print_message("whet: stopped early; what was finished is kept. Go on with --resume.\n");
  }
  fmt::print("\nopen {}\n", (fs::path(flags.out_dir) / "report.html").string());
  if (result.complete) return 0;
  return interrupt_flag().cancelled() ? exit_status(ErrorCode::kCancelled) : kStoppedByTimeLimit;
}

}  // namespace whet
