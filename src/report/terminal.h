// The report as text for a terminal.
#pragma once

#include <string>

#include "report/document.h"

namespace whet::report {

struct TerminalOptions {
  int width = 120;      // columns; names are cut to fit, numbers never are
  bool colour = false;  // ANSI colours
  std::string files{};  // where the documents lie, for the last line; empty = say nothing
};

/// Headline, aligned table, reasons of the verdicts, accuracy by family, caveats.
std::string render_terminal(const Document& document, const TerminalOptions& options = {});

}  // namespace whet::report
