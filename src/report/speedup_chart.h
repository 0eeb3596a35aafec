// A chart of speed-ups: a row for each kind of work, with its interval and what was predicted.
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

/// Pure; rows from top to bottom. `subtitle`: how it was measured.
std::string speedup_script(const std::string& title, const std::string& subtitle,
                           const std::vector<SpeedupRow>& rows, PictureFormat format);

/// An SVG. Errors: those of run_gnuplot.
Result<std::string> render_speedups(const std::string& title, const std::string& subtitle,
                                    const std::vector<SpeedupRow>& rows,
                                    const GnuplotOptions& gnuplot = {});

}  // namespace whet::report
