#include "report/chart.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/clock.h"
#include "report/chart_panel.h"
#include "report/report_files.h"
#include "report/testdata/foreign_surroundings.h"
#include "report/testdata/sample.h"

namespace whet::report {
namespace {

bool have_gnuplot() {
  return run_gnuplot("set terminal svg\nplot 1").ok();
}
#define NEED_GNUPLOT() \
  if (!have_gnuplot()) GTEST_SKIP() << "gnuplot is not installed"

std::vector<Chart> all_charts() {
  auto charts = single_charts();
  charts.push_back(Chart::kDashboard);
  return charts;
}

uint32_t big_endian(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

TEST(Gnuplot, QuoteLeavesNoWayOut) {
  EXPECT_EQ(gnuplot_quote("it's"), "'it’s'");
  EXPECT_EQ(gnuplot_quote("''a\nset output 'x'\\"), "'’’a set output ’x’\\'");
}

TEST(Gnuplot, MissingProgramNamesThePackage) {
  const auto result = run_gnuplot("plot 1", {.program = "no-such-gnuplot"});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(result.error().message().find("gnuplot-nox"), std::string::npos);
}

TEST(Gnuplot, ErrorsAndTimeLimit) {
  NEED_GNUPLOT();
  const auto broken = run_gnuplot("set terminal svg\nplot nonsense nonsense\n");
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.error().message().find("undefined variable: nonsense"), std::string::npos)
      << broken.error().message();
  EXPECT_FALSE(run_gnuplot("").ok());  // wrote nothing
  const int64_t start = monotonic_ns();
  const std::vector<std::string> scripts = {
      "set terminal svg\nset title 'first'\nplot 1\n", "set terminal svg\nplot nonsense\n",
      "set terminal svg\nplot 1\nplot nonsense\n", "set terminal svg\n",
      "set terminal pngcairo\nplot 2\n"};
  const auto several = run_gnuplot(scripts);
  ASSERT_EQ(several.size(), 5u);
  ASSERT_TRUE(several[0].ok()) << several[0].error().message();
  EXPECT_EQ(*several[0], *run_gnuplot(scripts[0])) << "as if it were alone";
  EXPECT_NE(several[1].error().message().find("undefined variable: nonsense"), std::string::npos);
  EXPECT_FALSE(several[2].ok()) << "half a picture is none";
  EXPECT_FALSE(several[3].ok()) << "drew nothing";
  ASSERT_TRUE(several[4].ok()) << several[4].error().message();
  EXPECT_TRUE(several[4]->starts_with("\x89PNG"));
  EXPECT_EQ(*several[4], *run_gnuplot(scripts[4])) << "and not with the first one's title";

  const auto endless = run_gnuplot("while (1) { x = 1 }\n", {.time_limit_s = 0.3});
  ASSERT_FALSE(endless.ok());
  EXPECT_LT(monotonic_ns() - start, 5'000'000'000);
}

TEST(Charts, ArePicturesOfTheRightSize) {
  NEED_GNUPLOT();
  const Report doc = sample();
  for (Chart chart : all_charts()) {
    const auto png = render_chart(doc, chart, {.format = PictureFormat::kPng});
    ASSERT_TRUE(png.ok()) << png.error().message();
    EXPECT_TRUE(png->starts_with("\x89PNG\r\n\x1a\n"));
    EXPECT_TRUE(png->ends_with(std::string("IEND\xae\x42\x60\x82", 8)));
    EXPECT_EQ(big_endian(*png, 16), chart == Chart::kDashboard ? 3200u : 1280u);
    EXPECT_GT(png->size(), 20'000u) << chart_name(chart);  // not an empty canvas

    const auto svg = render_chart(doc, chart, {.format = PictureFormat::kSvg});
    ASSERT_TRUE(svg.ok());
    EXPECT_TRUE(svg->starts_with("<?xml"));
    EXPECT_NE(svg->find("</svg>"), std::string::npos);
    EXPECT_NE(svg->find(chart == Chart::kDashboard ? "width=\"1600\"" : "width=\"640\""),
              std::string::npos);
    EXPECT_NE(svg->find("Mixture of agents"), std::string::npos) << chart_name(chart);
  }
}

TEST(Charts, NamesThatDifferInTheirMiddleAreToldApart) {
  NEED_GNUPLOT();
  Report doc = sample();
  ASSERT_GE(doc.strategies.size(), 3u);
  doc.strategies[1].label = "majority-voting:n=2,temperature=run,keep=0.75";
  doc.strategies[2].label = "majority-voting:n=4,temperature=run,keep=0.75";
  for (Chart chart : single_charts()) {
    const auto svg = render_chart(doc, chart, {.format = PictureFormat::kSvg});
    ASSERT_TRUE(svg.ok()) << svg.error().message();
    EXPECT_NE(svg->find("n=2"), std::string::npos) << chart_name(chart);
    EXPECT_NE(svg->find("n=4"), std::string::npos) << chart_name(chart);
  }
}

TEST(Charts, ReadTheDocumentAndNothingElse) {
  NEED_GNUPLOT();
  const Report doc = sample();
  for (PictureFormat format : {PictureFormat::kSvg, PictureFormat::kPng}) {
    const auto here = render_chart(doc, Chart::kDashboard, {.format = format});
    const ForeignSurroundings foreign;
    const auto there = render_chart(doc, Chart::kDashboard, {.format = format});
    ASSERT_TRUE(here.ok() && there.ok());
    EXPECT_TRUE(*here == *there) << "pictures of one document differ";
  }
}

TEST(Charts, HostileNamesCannotInjectCommands) {
  NEED_GNUPLOT();
  const std::string proof = testing::TempDir() + "whet_pwned_" + std::to_string(::getpid());
  std::filesystem::remove(proof);
  const std::string attacks[] = {
      "x'; system('touch " + proof + "'); '",
      "'; system('touch " + proof + "'); '",
      "''; system('touch " + proof + "'); ''",
      "'''; system('touch " + proof + "'); '''",
      "x''; system('touch " + proof + "'); ''",
      "x\\'; system('touch " + proof + "'); '",
      "`touch " + proof + "`",
      "\"`touch " + proof + "`\"",
      "\nEOD\n!touch " + proof + "\n",
      "x\rsystem 'touch " + proof + "'",
      "@ARG1 {/Times $x_1^2} %s %d \\n",
      "';!touch " + proof,
      "</text><script>alert(1)</script>",
      std::string("nul\0byte", 8),
  };
  for (const auto& attack : attacks) {
    const Report doc = parsed(hostile_json(attack));
    const auto svg = render_chart(doc, Chart::kDashboard);  // holds every panel
    ASSERT_TRUE(svg.ok()) << attack << ": " << svg.error().message();
    EXPECT_EQ(svg->find("<script"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(proof)) << attack;
  }
}

TEST(Charts, SurviveWhatIsMissing) {
  NEED_GNUPLOT();
  const nlohmann::json nothing = {{"schema", "whet-results/1"}};
  auto one = nothing;
  one["strategies"] = {{{"name", "only"}}};
  auto zero = sample_json();  // no time, no tokens, no memory
  for (auto& s : zero["strategies"])
    for (const char* key : {"cost_ratio_time", "latency_s", "prompt_tokens", "completion_tokens",
                            "peak_rss_bytes", "accuracy", "families"})
      s.erase(key);
  auto many = sample_json();
  for (int i = 0; i < 20; ++i) many["strategies"].push_back(many["strategies"][3]);
  auto extreme = sample_json();
  extreme["strategies"][1]["cost_ratio_time"] = {{"value", 1e9}, {"low", 0}, {"high", 1e12}};
  extreme["strategies"][2]["accuracy"] = {{"value", 0}, {"low", 0}, {"high", 0}};
  extreme["strategies"][2]["latency_s"] = {{"value", 0}, {"low", 0}, {"high", 0}, {"p95", 0}};
  for (const auto& json : {nothing, one, zero, many, extreme}) {
    const Report doc = parsed(json);
    const auto svg = render_chart(doc, Chart::kDashboard);  // holds every panel
    EXPECT_TRUE(svg.ok()) << svg.error().message();
  }
}

TEST(Charts, SvgInAPageHasItsOwnIdsAndColours) {
  NEED_GNUPLOT();
  const auto svg = render_chart(sample(), Chart::kLatency, {.with_title = false});
  const std::string inner = svg_for_html(*svg, "lat-", "Latency \"x\"");
  EXPECT_TRUE(inner.starts_with("<svg role=\"img\" aria-label=\"Latency &quot;x&quot;\""));
  EXPECT_EQ(inner.find("id='gp"), std::string::npos);
  EXPECT_EQ(inner.find("'#gp"), std::string::npos);
  EXPECT_NE(inner.find("href='#lat-gp"), std::string::npos);
  EXPECT_NE(inner.find("var(--c-5aa5d6,#5aa5d6)"), std::string::npos);
  EXPECT_EQ(inner.find("<title>"), std::string::npos);
}

double overlap(const Box& a, const Box& b) {
  const double w = std::min(a.right(), b.right()) - std::max(a.left, b.left);
  const double h = std::min(a.bottom(), b.bottom()) - std::max(a.top, b.top);
  return w > 0 && h > 0 ? w * h : 0;
}

TEST(LabelLayout, EightCrowdedLabelsDoNotOverlap) {
  std::vector<LabelledPoint> points;
  for (int i = 0; i < 8; ++i) {
    const double x = 300 + 25 * (i % 4), y = 200 + 22 * (i / 4);
    points.push_back({x, y, x - 20, x + 20, y - 40, y + 40, 90});
  }
  const Box area{50, 20, 560, 380};
  const auto boxes = place_labels(points, area, 14);
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_GE(boxes[i].left, area.left);
    EXPECT_LE(boxes[i].right(), area.right());
    for (size_t j = 0; j < i; ++j) EXPECT_EQ(overlap(boxes[i], boxes[j]), 0) << i << " " << j;
  }
}

TEST(LabelLayout, NoBarRunsThroughTheLabelsOfACrowdedExperiment) {
  // The demo's eleven rows: pairs of a strategy and its control, whose bars nearly coincide.
  const std::vector<LabelledPoint> points = {
      {120, 219, 120, 120, 163, 286, 46},  {180, 276, 166, 193, 216, 370, 18},
      {203, 213, 190, 216, 158, 276, 109}, {419, 180, 406, 432, 127, 240, 38},
      {308, 180, 294, 322, 128, 240, 49},  {405, 190, 392, 418, 137, 251, 88},
      {541, 170, 526, 556, 118, 230, 83},  {323, 176, 310, 338, 124, 237, 139},
      {418, 173, 405, 431, 121, 233, 131}, {430, 173, 417, 444, 121, 233, 164},
      {548, 180, 534, 563, 127, 240, 160}};
  const Box area{58, 82, 557, 296};
  const auto boxes = place_labels(points, area, 14);
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_DOUBLE_EQ(overlap(boxes[i], area), boxes[i].width * boxes[i].height) << i;
    for (size_t j = 0; j < i; ++j) EXPECT_EQ(overlap(boxes[i], boxes[j]), 0) << i << " " << j;
    for (const LabelledPoint& p : points) {
      EXPECT_EQ(overlap(boxes[i], {p.x - 1, p.y_low, 2, p.y_high - p.y_low}), 0) << i;
      EXPECT_EQ(overlap(boxes[i], {p.x_low, p.y - 1, p.x_high - p.x_low, 2}), 0) << i;
    }
  }
}

TEST(ReportFiles, WritesEverythingAndReportsWhatIsMissing) {
  const std::string directory = testing::TempDir() + "whet_report_" + std::to_string(::getpid());
  std::filesystem::create_directories(directory);
  const auto without =
      write_report(sample(), directory, {.gnuplot = {.program = "no-such-gnuplot"}});
  ASSERT_TRUE(without.ok()) << without.error().message();
  EXPECT_EQ(without->written, (std::vector<std::string>{"report.html", "report.md", "report.csv"}));
  ASSERT_EQ(without->warnings.size(), 1u);
  EXPECT_NE(content_of(directory + "/report.html").find("gnuplot-nox"), std::string::npos);

  if (have_gnuplot()) {
    const auto all = write_report(sample(), directory);
    ASSERT_TRUE(all.ok());
    EXPECT_EQ(all->written.size(), 15u);
    EXPECT_TRUE(all->warnings.empty());
    const std::string page = content_of(directory + "/report.html");
    EXPECT_NE(page.find("<svg role=\"img\" aria-label=\"Quality against cost\""),
              std::string::npos);
  }
  std::filesystem::remove_all(directory);
  EXPECT_FALSE(write_report(sample(), directory + "/none", {.charts = false}).ok());
}

}  // namespace
}  // namespace whet::report
