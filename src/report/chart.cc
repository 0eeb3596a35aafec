#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "report/result_panels.h"
#include "report/summary.h"
#include "report/text.h"

namespace whet::report {
namespace {

constexpr double kChartWidth = 640;  // of a single chart, pixels

void single_panel(Panel& panel, const Report& doc, Chart chart) {
  switch (chart) {
    case Chart::kQualityCost:
      return quality_panel(panel, doc);
    case Chart::kFamilies:
      return families_panel(panel, doc);
    case Chart::kLatency:
      return latency_panel(panel, doc);
    case Chart::kTokens:
      return tokens_panel(panel, doc);
    case Chart::kMemory:
      return memory_panel(panel, doc);
    case Chart::kDashboard:
      break;
  }
  WHET_UNREACHABLE();
}

std::string single_script(const Report& doc, Chart chart, const ChartOptions& options) {
  const double n_rows = static_cast<double>(std::max<size_t>(doc.strategies.size(), 2));
  double height = chart == Chart::kQualityCost ? 400
                  : chart == Chart::kFamilies  ? 60 + 36 * n_rows
                                               : 70 + 28 * n_rows;
  if (options.with_title) height += 28;
  const Canvas canvas{kChartWidth, std::round(height)};
  std::string script = terminal_line(canvas, options.format);
  Panel panel(script, canvas, {12, 10, canvas.width - 24, canvas.height - 16});
  if (options.with_title) panel.title(chart_title(chart));
  single_panel(panel, doc, chart);
  return script;
}

std::string dashboard_script(const Report& doc, const ChartOptions& options) {
  const double rows = static_cast<double>(std::max<size_t>(doc.strategies.size(), 4));
  const double top = 96, upper = 430, lower = 90 + 27 * rows, gap = 30, edge = 26;
  const Canvas canvas{1600, std::round(top + upper + gap + lower + 14)};
  std::string script = terminal_line(canvas, options.format) + "set multiplot\n";

  const double half = (canvas.width - 2 * edge - gap) / 2;
  const double third = (canvas.width - 2 * edge - 2 * gap) / 3;
  struct Place {
    Chart chart;
    Box box;
  };
  const double second_row = top + upper + gap;
  const Place places[] = {
      {Chart::kQualityCost, {edge, top, half, upper}},
      {Chart::kFamilies, {edge + half + gap, top, half, upper}},
      {Chart::kLatency, {edge, second_row, third, lower}},
      {Chart::kTokens, {edge + third + gap, second_row, third, lower}},
      {Chart::kMemory, {edge + 2 * (third + gap), second_row, third, lower}},
  };
  bool first = true;
  for (const auto& [chart, box] : places) {
    Panel panel(script, canvas, box);
    if (first) {  // the heading is drawn with the first panel
      panel.text(edge, 28, truncate(doc.title.empty() ? "Results" : doc.title, 100),
                 {kInk, 20, true});
      const auto sentences = headline(doc);
      panel.text(edge, 54, truncate(sentences.front(), 190), {kInk, 13});
      panel.text(edge, 74, truncate(setting(doc), 200), {kMuted, 11});
    }
    first = false;
    panel.title(chart_title(chart));
    single_panel(panel, doc, chart);
  }
  return script + "unset multiplot\n";
}

}  // namespace

std::vector<Chart> single_charts() {
  return {Chart::kQualityCost, Chart::kFamilies, Chart::kLatency, Chart::kTokens, Chart::kMemory};
}

std::string_view chart_name(Chart chart) {
  switch (chart) {
    case Chart::kQualityCost:
      return "quality-cost";
    case Chart::kFamilies:
      return "families";
    case Chart::kLatency:
      return "latency";
    case Chart::kTokens:
      return "tokens";
    case Chart::kMemory:
      return "memory";
    case Chart::kDashboard:
      return "dashboard";
  }
  WHET_UNREACHABLE();
}

std::string_view chart_title(Chart chart) {
  switch (chart) {
    case Chart::kQualityCost:
      return "Quality against cost";
    case Chart::kFamilies:
      return "Accuracy by family";
    case Chart::kLatency:
      return "Latency per task";
    case Chart::kTokens:
      return "Tokens per task";
    case Chart::kMemory:
      return "Peak memory";
    case Chart::kDashboard:
      return "Dashboard";
  }
  WHET_UNREACHABLE();
}

std::string_view chart_caption(Chart chart) {
  switch (chart) {
    case Chart::kQualityCost:
      return "Up is more accurate, left is faster. The dotted line is the baseline's accuracy. "
             "Bars "
             "are intervals of each row by itself; because all strategies saw the same tasks, "
             "differences are known more sharply than overlapping bars suggest, so judge by the "
             "column \u201cOver baseline\u201d.";
    case Chart::kFamilies:
      return "Share of runs graded correct, by kind of task, with its interval where there is "
             "room. Deeper blue is better. A dash means that no run of that kind could be graded.";
    case Chart::kLatency:
      return "From the first call to the final answer. The bar is the median over all runs, the "
             "line its interval, the diamond the 95th percentile: one run in twenty takes "
             "longer.";
    case Chart::kTokens:
      return "All tokens that a strategy spent per task, in every call and every discarded "
             "candidate, not only those of the answer.";
    case Chart::kMemory:
      return "Highest resident set of the process while the strategy ran, weights included, and "
             "the part of it that was KV cache. A dash means not measured.";
    case Chart::kDashboard:
      return "All charts on one page.";
  }
  WHET_UNREACHABLE();
}

std::string chart_script(const Report& doc, Chart chart, const ChartOptions& options) {
  return chart == Chart::kDashboard ? dashboard_script(doc, options)
                                    : single_script(doc, chart, options);
}

}  // namespace whet::report
