// From a gnuplot script to a finished picture.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "report/chart_panel.h"
#include "report/gnuplot.h"

namespace whet::report {

enum class PictureFormat { kSvg, kPng };

/// The first line of a script.
std::string terminal_line(const Canvas& canvas, PictureFormat format);

/// A picture to draw.
struct Drawing {
  std::string script;
  PictureFormat format;
  std::string what;  // "chart latency", for errors
};

/// In one child process, see run_gnuplot. The SVGs name common sans-serif fonts after DejaVu Sans.
/// Errors: those of run_gnuplot, in the context of `what`.
std::vector<Result<std::string>> render_pictures(const std::vector<Drawing>& drawings,
                                                 const GnuplotOptions& gnuplot);

/// Runs a script of this format. The SVG names common sans-serif fonts after DejaVu Sans.
/// Errors: those of run_gnuplot, in the context of `what`.
Result<std::string> render_picture(std::string_view script, PictureFormat format,
                                   std::string_view what, const GnuplotOptions& gnuplot);

}  // namespace whet::report
