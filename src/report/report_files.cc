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

/// Draws every chart to files, and once more without title for the page. Stops at the first chart
/// if gnuplot is not there at all.
Status write_charts(const Report& doc, const GnuplotOptions& gnuplot, Writer& writer,
                    HtmlOptions& html) {
  auto complain = [&](const Error& error) {
    writer.files.warnings.push_back(error.message());
    html.charts_missing = error.message();
  };
  std::vector<Chart> charts = single_charts();
  charts.push_back(Chart::kDashboard);
  for (Chart chart : charts) {
    const std::string stem = fmt::format("chart-{}", chart_name(chart));
    auto svg = render_chart(doc, chart, {PictureFormat::kSvg, true}, gnuplot);
    if (!svg.ok()) {
      complain(svg.error());
      if (svg.error().code() == ErrorCode::kUnavailable) return ok_status();
      continue;
    }
    WHET_TRY_STATUS(writer.write(stem + ".svg", *svg));
    auto png = render_chart(doc, chart, {PictureFormat::kPng, true}, gnuplot);
    if (png.ok()) {
      WHET_TRY_STATUS(writer.write(stem + ".png", *png));
    } else {
      complain(png.error());
    }
    if (chart == Chart::kDashboard) continue;
    auto untitled = render_chart(doc, chart, {PictureFormat::kSvg, false}, gnuplot);
    if (untitled.ok()) {
      html.charts.emplace_back(chart, std::move(*untitled));
    } else {
      complain(untitled.error());
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
