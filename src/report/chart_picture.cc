// render_chart and svg_for_html: from script to finished picture.
#include <fmt/format.h>

#include <cctype>

#include "report/chart.h"
#include "report/markup.h"
#include "report/picture.h"

namespace whet::report {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

/// Names fonts that other machines have; gnuplot's SVG knows neither lists nor ":Bold".
void name_fonts(std::string& svg) {
  constexpr std::string_view kFonts = "'DejaVu Sans', Verdana, Geneva, sans-serif";
  replace_all(svg, "font-family=\"DejaVu Sans:Bold\"",
              fmt::format("font-family=\"{}\" font-weight=\"bold\"", kFonts));
  replace_all(svg, "font-family=\"DejaVu Sans\"", fmt::format("font-family=\"{}\"", kFonts));
}

/// Reads "rgb( 12, 34, 56)" at `at`; its end in `end`, its colour in `rgb`.
bool read_rgb(std::string_view text, size_t at, size_t& end, unsigned (&rgb)[3]) {
  if (!text.substr(at).starts_with("rgb(")) return false;
  end = at + 4;
  for (unsigned& channel : rgb) {
    while (end < text.size() && (text[end] == ' ' || text[end] == ',')) ++end;
    if (end >= text.size() || !std::isdigit(static_cast<unsigned char>(text[end]))) return false;
    channel = 0;
    while (end < text.size() && std::isdigit(static_cast<unsigned char>(text[end])) &&
           channel < 256)
      channel = channel * 10 + static_cast<unsigned>(text[end++] - '0');
  }
  return end < text.size() && text[end++] == ')';
}

/// Colours inside tags become custom properties; text between tags stays as it is.
std::string with_colour_properties(std::string_view svg) {
  std::string result;
  bool in_tag = false;
  for (size_t i = 0; i < svg.size();) {
    if (svg[i] == '<') in_tag = true;
    if (svg[i] == '>') in_tag = false;
    size_t end = 0;
    unsigned rgb[3];
    if (in_tag && svg[i] == 'r' && read_rgb(svg, i, end, rgb)) {
      const std::string hex = fmt::format("{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
      result += "var(--c-" + hex + ",#" + hex + ")";
      i = end;
    } else {
      result += svg[i++];
    }
  }
  return result;
}

/// Removes every <tag ...>...</tag>.
void remove_elements(std::string& svg, std::string_view tag) {
  const std::string open = fmt::format("<{}>", tag);
  const std::string close = fmt::format("</{}>", tag);
  for (size_t at = svg.find(open); at != std::string::npos; at = svg.find(open, at)) {
    const size_t end = svg.find(close, at);
    if (end == std::string::npos) return;
    svg.erase(at, end + close.size() - at);
  }
}

}  // namespace

std::string terminal_line(const Canvas& canvas, PictureFormat format) {
  if (format == PictureFormat::kSvg) {
    return fmt::format(
        "set terminal svg noenhanced size {},{} font 'DejaVu Sans,12' background '{}'\n",
        canvas.width, canvas.height, kPaper);
  }
  constexpr double kScale = 2;  // pixels of the file per pixel of the layout
  return fmt::format(
      "set terminal pngcairo noenhanced size {},{} font 'DejaVu Sans,{}' fontscale {} linewidth {} "
      "pointscale {} background '{}'\n",
      canvas.width * kScale, canvas.height * kScale, 12, kScale * 0.75, kScale, kScale, kPaper);
}

std::vector<Result<std::string>> render_pictures(const std::vector<Drawing>& drawings,
                                                 const GnuplotOptions& gnuplot) {
  std::vector<std::string> scripts;
  for (const Drawing& drawing : drawings) scripts.push_back(drawing.script);
  std::vector<Result<std::string>> pictures;
  for (auto& drawn : run_gnuplot(scripts, gnuplot)) {
    const Drawing& drawing = drawings[pictures.size()];
    auto picture = std::move(drawn).with_context(drawing.what);
    if (picture.ok() && drawing.format == PictureFormat::kSvg) {
      remove_elements(*picture, "title");
      remove_elements(*picture, "desc");
      name_fonts(*picture);
    }
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

Result<std::string> render_picture(std::string_view script, PictureFormat format,
                                   std::string_view what, const GnuplotOptions& gnuplot) {
  const std::vector<Drawing> one = {{std::string(script), format, std::string(what)}};
  return std::move(render_pictures(one, gnuplot).front());
}

Result<std::string> render_chart(const Report& document, Chart chart, const ChartOptions& options,
                                 const GnuplotOptions& gnuplot) {
  return std::move(render_charts(document, {{chart, options}}, gnuplot).front());
}

std::vector<Result<std::string>> render_charts(const Report& document,
                                               const std::vector<ChartRequest>& charts,
                                               const GnuplotOptions& gnuplot) {
  std::vector<Drawing> drawings;
  for (const auto& [chart, options] : charts) {
    drawings.push_back({chart_script(document, chart, options), options.format,
                        fmt::format("chart {}", chart_name(chart))});
  }
  return render_pictures(drawings, gnuplot);
}

std::string svg_for_html(std::string_view svg, std::string_view id_prefix,
                         std::string_view accessible_name) {
  const size_t start = svg.find("<svg");
  if (start == std::string_view::npos) return "";
  std::string result = with_colour_properties(svg.substr(start));
  replace_all(result, " id='", fmt::format(" id='{}", id_prefix));
  replace_all(result, " id=\"", fmt::format(" id=\"{}", id_prefix));
  replace_all(result, "xlink:href='#", fmt::format("href='#{}", id_prefix));
  replace_all(result, "url(#", fmt::format("url(#{}", id_prefix));
  const std::string attributes =
      fmt::format("<svg role=\"img\" aria-label=\"{}\"", escape_html(accessible_name));
  result.replace(0, 4, attributes);
  // The canvas takes the colour of the page.
  replace_all(result, "fill=\"#ffffff\"", "fill=\"none\"");
  return result;
}

}  // namespace whet::report
