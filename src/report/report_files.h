// Writes a whole report: page, text forms and charts side by side in one directory.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "report/gnuplot.h"
#include "report/report.h"

namespace whet::report {

struct ReportOptions {
  bool charts = true;
  int max_traces_per_strategy = 20;
  GnuplotOptions gnuplot{};
};

struct ReportFiles {
  std::vector<std::string> written;   // file names in `directory`
  std::vector<std::string> warnings;  // what is missing and why, e.g. no gnuplot
};

/// report.html, report.md, report.csv, and chart-NAME.svg and .png of every chart, dashboard
/// included. Each file is written whole or not at all. A chart that fails is a warning, the rest is
/// written. Errors: kNotFound for the directory, kIo.
Result<ReportFiles> write_report(const Report& document, const std::string& directory,
                                 const ReportOptions& options = {});

}  // namespace whet::report
