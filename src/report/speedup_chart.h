// A chart of speed-ups: a row for each kind of work or model, with its interval and, where there is
// one, what was predicted.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "report/picture.h"

namespace whet::report {

struct SpeedupRow {
  std::string name;
  double value = 1;
  std::optional<double> low, high;  // of its interval
  std::optional<double> predicted;
};

struct SpeedupText {
  std::string title;
  std::string value;     // what a bar is
  std::string subtitle;  // how it was measured
};

/// Pure; rows from top to bottom.
std::string speedup_script(const SpeedupText& text, const std::vector<SpeedupRow>& rows,
                           PictureFormat format);

/// An SVG. Errors: those of run_gnuplot.
Result<std::string> render_speedups(const SpeedupText& text, const std::vector<SpeedupRow>& rows,
                                    const GnuplotOptions& gnuplot = {});

}  // namespace whet::report
