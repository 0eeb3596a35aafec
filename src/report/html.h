// The report as one self-contained HTML page: inline style and SVG, no script, no fetch.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "report/chart.h"
#include "report/report.h"

namespace whet::report {

struct HtmlOptions {
  /// SVGs of render_chart without title, in page order.
  std::vector<std::pair<Chart, std::string>> charts{};
  /// Why charts are missing, for the reader; empty if none is.
  std::string charts_missing{};
  int max_traces_per_strategy = 20;
  std::string files{};  // names of the sibling files, for the last section; empty = say nothing
};

std::string render_html(const Report& document, const HtmlOptions& options = {});

}  // namespace whet::report
