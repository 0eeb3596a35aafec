// The report as text for a terminal.
#pragma once

#include <string>

#include "report/report.h"

namespace whet::report {

struct TerminalOptions {
  int width = 120;      // columns; optional columns are left out to fit, then names are cut
  bool colour = false;  // ANSI colours
  std::string files{};  // where the documents lie, for the last line; empty = say nothing
};

/// Columns of the terminal that stdout is, or 80.
int stdout_width();

/// Warnings, headline, aligned table, reasons of the verdicts, accuracy by family, remarks.
std::string render_terminal(const Report& document, const TerminalOptions& options = {});

}  // namespace whet::report
