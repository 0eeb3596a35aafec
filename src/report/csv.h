// The report as CSV (RFC 4180).
#pragma once

#include <string>
#include <string_view>

#include "report/report.h"

namespace whet::report {

/// One row per strategy and family, family "all" first; CRLF line ends, a missing value is an empty
/// field, numbers at full precision with a point. A text that a spreadsheet would run as a formula
/// (first character = + - @ tab) gets an apostrophe in front.
std::string render_csv(const Report& document);

/// One field, quoted where RFC 4180 asks for it.
std::string csv_field(std::string_view text);

}  // namespace whet::report
