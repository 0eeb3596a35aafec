// The report as GitHub-flavoured Markdown.
#pragma once

#include <string>

#include "report/report.h"

namespace whet::report {

/// Headline, tables, reasons, notes, setting and command. Text of the document cannot start markup:
/// punctuation that Markdown or HTML would read is escaped.
std::string render_markdown(const Report& document);

}  // namespace whet::report
