// One panel of a chart: pixel geometry in, gnuplot commands out. All text goes through
// gnuplot_quote here; data goes into inline blocks as numbers only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/label_layout.h"

namespace whet::report {

// Okabe & Ito's colour-blind safe palette for meaning; greys for everything else.
inline constexpr std::string_view kInk = "#1f2328";
inline constexpr std::string_view kMuted = "#656d76";
inline constexpr std::string_view kGrid = "#e4e7eb";
inline constexpr std::string_view kAxis = "#afb8c1";
inline constexpr std::string_view kPaper = "#ffffff";
inline constexpr std::string_view kGreen = "#009e73";
inline constexpr std::string_view kVermilion = "#d55e00";
inline constexpr std::string_view kGrey = "#8b949e";
inline constexpr std::string_view kBlue = "#0072b2";
inline constexpr std::string_view kMidBlue = "#5aa5d6";
inline constexpr std::string_view kSky = "#8cc6ec";
inline constexpr std::string_view kOrange = "#e69f00";

struct Canvas {
  double width, height;
};

enum class Align { kLeft, kCentre, kRight };
struct TextStyle {
  std::string_view colour = kMuted;
  double size = 12;
  bool bold = false;
  Align align = Align::kLeft;
};

/// gnuplot point types that look the same in SVG and PNG; kLine is a short line in a legend.
enum class Mark {
  kCircle = 7,
  kTriangleDown = 11,
  kSquare = 5,
  kDiamond = 13,
  kDiamondOpen = 12,
  kLine = 0
};

/// Width of a text in DejaVu Sans, in pixels; exact for ASCII.
double text_width(std::string_view text, double size);

class Panel {
 public:
  /// `outer` is where the panel lies on the canvas; commands are appended to `script`.
  Panel(std::string& script, const Canvas& canvas, const Box& outer);

  /// Title line at the top; takes its height off what is left.
  void title(std::string_view text);
  struct LegendEntry {
    Mark mark;
    std::string_view colour;
    std::string_view text;
  };
  /// A line of marks with their meaning under the title.
  void legend(const std::vector<LegendEntry>& entries);
  /// A line of small text at the bottom.
  void footnote(std::string_view text);

  /// The rest, less these margins, is the plot; afterwards plot() is where it lies.
  struct Margins {
    double left, right, bottom;
    double top = 4;
  };
  void frame(const Margins& margins);
  const Box& plot() const { return plot_; }

  void command(std::string_view line) { script_ += std::string(line) + "\n"; }
  /// Text whose vertical middle is at y, in canvas pixels.
  void text(double x, double y, std::string_view text, const TextStyle& style = {});
  /// A thin line, in canvas pixels.
  void line(double x0, double y0, double x1, double y1, std::string_view colour);
  /// Nice steps on an axis: 'x' or 'y', labels with this suffix.
  void linear_tics(char axis, double low, double high, int n_wanted, int decimals,
                   std::string_view suffix = "");
  /// gnuplot's plot command of these elements; of none, an empty plot.
  void draw(const std::vector<std::string>& elements);

 private:
  double screen_x(double x) const { return x / canvas_.width; }
  double screen_y(double y) const { return 1 - y / canvas_.height; }

  std::string& script_;
  Canvas canvas_;
  Box left_over_;
  Box plot_;
};

}  // namespace whet::report
