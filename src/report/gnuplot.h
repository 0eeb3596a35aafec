// Drives gnuplot as a child process: script in, picture out. No shell; untrusted text enters a
// script only through gnuplot_quote.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace whet::report {

/// `text` as a single-quoted gnuplot string of one line, in which gnuplot reads neither
/// backslashes, backquotes nor macros. Apostrophes become U+2019: gnuplot's own escape, doubling,
/// fails for two in a row and for one at the start (5.4 ends the string there), and then text
/// becomes commands.
std::string gnuplot_quote(std::string_view text);

struct GnuplotOptions {
  std::string program = "gnuplot";
  double time_limit_s = 30;  // of one picture; of several, times their number
};

/// Runs `script` with default settings and returns what it wrote to standard output.
/// Errors: kUnavailable if the program is missing (names the Debian package); kInternal if it
/// fails (with the first line it said), writes nothing, or runs past the time limit (it is killed).
Result<std::string> run_gnuplot(std::string_view script, const GnuplotOptions& options = {});

/// What each of `scripts` draws, in one child process; each starts from default settings, and its
/// first line sets the terminal. One that fails does not keep those behind it from being drawn
/// (another child goes on with them). Errors of each: as above.
std::vector<Result<std::string>> run_gnuplot(std::span<const std::string> scripts,
                                             const GnuplotOptions& options = {});

}  // namespace whet::report
