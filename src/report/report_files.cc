#include "report/report_files.h"

#include <fmt/format.h>

#include <filesystem>

#include "report/chart.h"
#include "report/csv.h"
#include "report/html.h"
#include "report/markdown.h"
#include "sys/pending_file.h"

namespace whet::report {
namespace {

class Writer {
 public:
  explicit Writer(const std::string& directory) : directory_(directory) {}

  Status write(const std::string& name, std::string_view content) {
    WHET_TRY_STATUS(write_file_atomically((directory_ / name).string(), content));
    files.written.push_back(name);
    return ok_status();
  }

  ReportFiles files;

 private:
  std::filesystem::path directory_;
};

/// Draws every chart to files, and once more without title for the page.
Status write_charts(const Report& doc, const GnuplotOptions& gnuplot, Writer& writer,
                    HtmlOptions& html) {
  std::vector<Chart> charts = single_charts();
  charts.push_back(Chart::kDashboard);
  std::vector<ChartRequest> requests;
  for (Chart chart : charts) {
    requests.push_back({chart, {PictureFormat::kSvg, true}});
    requests.push_back({chart, {PictureFormat::kPng, true}});
    if (chart != Chart::kDashboard) requests.push_back({chart, {PictureFormat::kSvg, false}});
  }
  auto pictures = render_charts(doc, requests, gnuplot);
  for (size_t i = 0; i < requests.size(); ++i) {
    const auto& [chart, options] = requests[i];
    if (!pictures[i].ok()) {
      html.charts_missing = pictures[i].error().message();
      writer.files.warnings.push_back(html.charts_missing);
      // Nor will it be there for the next one.
      if (pictures[i].error().code() == ErrorCode::kUnavailable) return ok_status();
    } else if (options.with_title) {
      const char* suffix = options.format == PictureFormat::kSvg ? "svg" : "png";
      WHET_TRY_STATUS(
          writer.write(fmt::format("chart-{}.{}", chart_name(chart), suffix), *pictures[i]));
    } else {
      html.charts.emplace_back(chart, std::move(*pictures[i]));
    }
  }
  return ok_status();
}

}  // namespace

Result<ReportFiles> write_report(const Report& doc, const std::string& directory,
                                 const ReportOptions& options) {
  Writer writer(directory);
  HtmlOptions html;
  html.max_traces_per_strategy = options.max_traces_per_strategy;
  if (options.charts) WHET_TRY_STATUS(write_charts(doc, options.gnuplot, writer, html));
  html.files = std::string("Beside this page: report.md, report.csv") +
               (html.charts.empty() ? "" : ", the charts as SVG and PNG") +
               ", results.json with every number, and the raw events.";
  WHET_TRY_STATUS(writer.write("report.html", render_html(doc, html)));
  WHET_TRY_STATUS(writer.write("report.md", render_markdown(doc)));
  WHET_TRY_STATUS(writer.write("report.csv", render_csv(doc)));
  return std::move(writer.files);
}

}  // namespace whet::report
