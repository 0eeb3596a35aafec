// Charts of a results document, drawn by gnuplot. A script is a pure function of the document; the
// same script makes the SVG of the HTML page and the PNG file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "report/gnuplot.h"
#include "report/picture.h"
#include "report/report.h"

namespace whet::report {

enum class Chart { kQualityCost, kFamilies, kLatency, kTokens, kMemory, kDashboard };

/// All single charts, in the order of the report.
std::vector<Chart> single_charts();
/// File stem: "quality-cost", "families", "latency", "tokens", "memory", "dashboard".
std::string_view chart_name(Chart chart);
/// Heading and how to read it, for people.
std::string_view chart_title(Chart chart);
std::string_view chart_caption(Chart chart);

struct ChartOptions {
  PictureFormat format = PictureFormat::kSvg;
  bool with_title = true;  // false where the page has its own heading
};

/// The gnuplot script; it writes the picture to standard output.
std::string chart_script(const Report& document, Chart chart, const ChartOptions& options = {});

/// Script and gnuplot. The SVG names common sans-serif fonts after DejaVu Sans.
/// Errors: those of run_gnuplot.
Result<std::string> render_chart(const Report& document, Chart chart,
                                 const ChartOptions& options = {},
                                 const GnuplotOptions& gnuplot = {});

struct ChartRequest {
  Chart chart;
  ChartOptions options;
};
/// Several, in one child process. Errors of each: as above.
std::vector<Result<std::string>> render_charts(const Report& document,
                                               const std::vector<ChartRequest>& charts,
                                               const GnuplotOptions& gnuplot = {});

/// An SVG of render_chart made fit to stand inside an HTML page: no XML prologue, every id and
/// reference prefixed, colours as "var(--c-rrggbb,#rrggbb)" so that a style sheet can restyle them.
std::string svg_for_html(std::string_view svg, std::string_view id_prefix,
                         std::string_view accessible_name);

}  // namespace whet::report
