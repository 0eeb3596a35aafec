// The reports of past experiments, for the page: GET /whet/reports and /whet/reports/NAME. And what
// the page may offer: GET /whet/strategies.
#pragma once

#include <string>
#include <vector>

#include "serve/server.h"

namespace whet::serve {

struct PastReport {
  std::string name;  // of its directory
  std::string path;  // of report.html
  int64_t modified;  // seconds since 1970
};

/// The reports in a directory and in those directly below it, the latest first.
std::vector<PastReport> past_reports(const std::string& directory);

void list_reports(Exchange& exchange);
void show_report(Exchange& exchange);
void list_strategies(Exchange& exchange);

}  // namespace whet::serve
