#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "report/csv.h"
#include "report/html.h"
#include "report/markdown.h"
#include "report/report_files.h"
#include "report/terminal.h"
#include "results/codec.h"
#include "results/document_file.h"
#include "sys/json_text.h"

namespace whet {
namespace {

struct ReportFlags {
  std::vector<std::string> directories;
  std::string out_dir;
  bool csv = false, json = false, html = false, markdown = false, no_charts = false;
};

std::string rendered(const report::Report& report, const ReportFlags& options) {
  if (options.csv) return report::render_csv(report);
  if (options.html) return report::render_html(report);
  if (options.markdown) return report::render_markdown(report);
  return report::render_terminal(report,
                                 {.width = report::stdout_width(), .colour = colour_stdout()});
}

Status write_files(const report::Report& report, const ReportFlags& options) {
  report::ReportOptions report_options;
  report_options.charts = !options.no_charts;
  std::error_code code;
  std::filesystem::create_directories(options.out_dir, code);
  if (code) {
    return Error(ErrorCode::kIo, fmt::format("--out {}: cannot create the directory: {}",
                                             options.out_dir, code.message()));
  }
  WHET_TRY(const report::ReportFiles files,
           report::write_report(report, options.out_dir, report_options));
  for (const std::string& name : files.written) fmt::print("{}/{}\n", options.out_dir, name);
  for (const std::string& warning : files.warnings) print_warning(warning);
  return ok_status();
}

int run_report(const ReportFlags& options) {
  if (options.csv + options.json + options.html + options.markdown > 1) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      "give one of --csv, --json, --html and --markdown, not several"));
  }
  if (!options.out_dir.empty() && options.directories.size() > 1) {
    return fail(Error(ErrorCode::kInvalidArgument,
                      "--out takes the files of one report; give one directory of results"));
  }
  bool is_first = true;
  for (const std::string& directory : options.directories) {
    auto document = results::load_document(directory);
    if (!document.ok()) return fail(document.error());
    auto techniques = report::load_techniques(directory);
    if (!techniques.ok()) return fail(techniques.error());
    report::Report report = report::make_report(*document);
    report.techniques = std::move(*techniques);
    if (!options.out_dir.empty()) {
      if (auto written = write_files(report, options); !written.ok()) return fail(written.error());
      continue;
    }
    if (!is_first) fmt::print("\n");
    is_first = false;
    fmt::print("{}", options.json ? json_text(results::to_json(*document), 1) + "\n"
                                  : rendered(report, options));
  }
  return 0;
}

}  // namespace

Command make_report_command() {
  auto options = std::make_shared<ReportFlags>();
  Command command("report", "Render the results of whet eval again");
  command.add("DIRECTORY", &options->directories, "of whet eval or compare, or its results.json")
      .required();
  command.add("--csv", &options->csv, "print comma-separated values");
  command.add("--json", &options->json, "print the results document");
  command.add("--html", &options->html, "print the page, without charts");
  command.add("--markdown", &options->markdown, "print Markdown");
  command.add("-o,--out", &options->out_dir, "write page, text forms and charts here instead")
      .value_name("DIRECTORY");
  command.add("--no-charts", &options->no_charts, "with --out: draw no pictures");
  command.action([options] { return run_report(*options); });
  return command;
}

}  // namespace whet
