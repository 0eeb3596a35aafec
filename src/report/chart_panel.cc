#include "report/chart_panel.h"

#include <fmt/format.h>

#include <cmath>

#include "report/gnuplot.h"
#include "report/text.h"

namespace whet::report {

double text_width(std::string_view text, double size) {
  // Advance widths of DejaVu Sans 2.37 for U+0020..U+007E, in hundredths of the font size.
  static constexpr unsigned char kAdvance[] = {
      32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36,  32, 34, 64, 64, 64,
      64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63,
      58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63,  61, 73, 68, 99, 69,
      61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35,  63, 63, 28, 28, 58,
      28, 97, 63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59,  52, 64, 34, 64, 84};
  double hundredths = 0;
  std::string others;
  for (char c : text) {
    if (c >= ' ' && c <= '~') {
      hundredths += kAdvance[c - ' '];
    } else {
      others += c;
    }
  }
  return size * (hundredths / 100 + 0.75 * display_width(others));
}

Panel::Panel(std::string& script, const Canvas& canvas, const Box& outer)
    : script_(script), canvas_(canvas), left_over_(outer) {
  command("reset");
  command("set encoding utf8");
  command("unset key");
  command(fmt::format("set border 0 lc rgb '{}'", kAxis));
  command(fmt::format("set tics scale 0 font 'DejaVu Sans,11' tc rgb '{}'", kMuted));
  command(fmt::format("set grid lt 1 lc rgb '{}' lw 1", kGrid));
  command("set errorbars small");
  command("set style fill solid 1.0 noborder");
}

void Panel::title(std::string_view what) {
  text(left_over_.left + 2, left_over_.top + 11, what, {kInk, 14, true});
  left_over_.top += 28;
  left_over_.height -= 28;
}

void Panel::legend(const std::vector<LegendEntry>& entries) {
  double x = left_over_.left + 8;
  const double y = left_over_.top + 9;
  for (const auto& [mark, colour, meaning] : entries) {
    if (mark == Mark::kLine) {
      command(
          fmt::format("set arrow from screen {0:.5f},{1:.5f} to screen {2:.5f},{1:.5f} nohead lw "
                      "1.8 lc rgb '{3}'",
                      screen_x(x - 6), screen_y(y), screen_x(x + 6), colour));
    } else {
      command(fmt::format("set label '' at screen {:.5f},{:.5f} point pt {} ps 0.9 lc rgb '{}'",
                          screen_x(x), screen_y(y), static_cast<int>(mark), colour));
    }
    text(x + 9, y, meaning, {kMuted, 11});
    x += 9 + text_width(meaning, 11) + 18;
  }
  left_over_.top += 24;
  left_over_.height -= 24;
}

void Panel::footnote(std::string_view what) {
  text(left_over_.left + 2, left_over_.bottom() - 7, what, {kMuted, 10});
  left_over_.height -= 18;
}

void Panel::frame(const Margins& margins) {
  plot_ = {left_over_.left + margins.left, left_over_.top + margins.top,
           left_over_.width - margins.left - margins.right,
           left_over_.height - margins.top - margins.bottom};
  command(fmt::format("set lmargin at screen {:.5f}", screen_x(plot_.left)));
  command(fmt::format("set rmargin at screen {:.5f}", screen_x(plot_.right())));
  command(fmt::format("set tmargin at screen {:.5f}", screen_y(plot_.top)));
  command(fmt::format("set bmargin at screen {:.5f}", screen_y(plot_.bottom())));
}

void Panel::line(double x0, double y0, double x1, double y1, std::string_view colour) {
  command(
      fmt::format("set arrow from screen {:.5f},{:.5f} to screen {:.5f},{:.5f} nohead lw 0.8 "
                  "lc rgb '{}'",
                  screen_x(x0), screen_y(y0), screen_x(x1), screen_y(y1), colour));
}

void Panel::text(double x, double y, std::string_view what, const TextStyle& style) {
  const char* align = style.align == Align::kLeft     ? "left"
                      : style.align == Align::kCentre ? "center"
                                                      : "right";
  command(
      fmt::format("set label {} at screen {:.5f},{:.5f} {} noenhanced font 'DejaVu Sans{},{}' "
                  "tc rgb '{}' front",
                  gnuplot_quote(what), screen_x(x), screen_y(y), align, style.bold ? ":Bold" : "",
                  style.size, style.colour));
}

void Panel::linear_tics(char axis, double low, double high, int n_wanted, int decimals,
                        std::string_view suffix) {
  const double rough = (high - low) / n_wanted;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = power * 10;
  for (double factor : {1.0, 2.0, 2.5, 5.0})
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  std::string tics;
  for (double at = std::ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) {
    if (!tics.empty()) tics += ", ";
    int shown = decimals;  // as many more as the step needs
    while (shown < 6 &&
           std::abs(step * std::pow(10, shown) - std::round(step * std::pow(10, shown))) > 1e-6)
      ++shown;
    tics += fmt::format(
        "{} {:.9g}",
        gnuplot_quote(fmt::format("{:.{}f}{}", std::abs(at) < step * 1e-9 ? 0 : at, shown, suffix)),
        at);
  }
  command(fmt::format("set {}tics noenhanced ({})", axis, tics));
}

void Panel::draw(const std::vector<std::string>& elements) {
  std::string line = "plot ";
  for (size_t i = 0; i < elements.size(); ++i) line += (i ? ", " : "") + elements[i];
  // gnuplot wants something to draw: an invisible point.
  command(elements.empty() ? "plot '-' using 1:2 with dots lc rgb '#ffffff'\n0 0\ne" : line);
}

}  // namespace whet::report
