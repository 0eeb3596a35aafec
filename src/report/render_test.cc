// Terminal, Markdown, CSV and HTML from the invented sample and from hostile variants of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "report/chart.h"
#include "report/csv.h"
#include "report/html.h"
#include "report/markdown.h"
#include "report/markup.h"
#include "report/summary.h"
#include "report/terminal.h"
#include "report/testdata/foreign_surroundings.h"
#include "report/testdata/sample.h"
#include "report/text.h"

namespace whet::report {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// Compares with a recorded file; WHET_UPDATE_GOLDEN=1 records it anew.
void expect_golden(const std::string& name, const std::string& actual) {
  if (std::getenv("WHET_UPDATE_GOLDEN")) std::ofstream(test_file(name), std::ios::binary) << actual;
  EXPECT_EQ(actual, content_of(test_file(name)));
}

TEST(Terminal, GoldenText) {
  expect_golden("terminal.golden.txt", render_terminal(sample(), {.files = "out/results.json"}));
}

TEST(Terminal, FitsTheWidthAndCutsNamesNotNumbers) {
  const std::string text = render_terminal(sample());
  EXPECT_NE(text.find("0.50 [0.42, 0.59]"), std::string::npos);
  for (const int width : {80, 100, 120, 200}) {
    for (const auto& line : lines_of(render_terminal(sample(), {.width = width})))
      EXPECT_LE(display_width(line), width) << line;
  }
  const std::string narrow = render_terminal(sample(), {.width = 80});
  EXPECT_NE(narrow.find("+0.10 [+0.05, +0.15]"), std::string::npos)
      << "the gain keeps its interval";
  EXPECT_EQ(narrow.find("GiB"), std::string::npos);
}

TEST(Terminal, ColourOnlyOnRequest) {
  EXPECT_EQ(render_terminal(sample()).find('\x1b'), std::string::npos);
  const std::string coloured = render_terminal(sample(), {.colour = true});
  EXPECT_NE(coloured.find("\x1b[1;32mpays\x1b[0m"), std::string::npos);
}

TEST(Terminal, HostileTextCannotDriveTheTerminal) {
  const std::string text = render_terminal(parsed(hostile_json("\x1b]0;x\x07\r\n\u009b2J")));
  for (char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_EQ(text.find("\u009b"), std::string::npos);
}

TEST(Render, MissingValuesAreEnDashes) {
  const Report doc = parsed({{"schema", "whet-results/1"}, {"strategies", {{{"name", "lonely"}}}}});
  std::string row;
  for (const auto& line : lines_of(render_terminal(doc)))
    if (line.starts_with("lonely")) row = line;
  EXPECT_EQ(row.find('0'), std::string::npos) << row;
  EXPECT_NE(row.find("–"), std::string::npos);
  EXPECT_NE(render_html(doc).find("<td class=\"n\">–</td>"), std::string::npos);
  EXPECT_NE(render_markdown(doc).find("| lonely | – | – |"), std::string::npos);
}

TEST(Render, NothingAtAllStillRenders) {
  const Report doc = parsed({{"schema", "whet-results/1"}});
  EXPECT_FALSE(render_terminal(doc).empty());
  EXPECT_FALSE(render_markdown(doc).empty());
  EXPECT_FALSE(render_html(doc).empty());
  EXPECT_EQ(lines_of(render_csv(doc)).size(), 1u);
}

TEST(Render, ReadsTheDocumentAndNothingElse) {
  const std::string html = render_html(sample()), markdown = render_markdown(sample()),
                    csv = render_csv(sample()), terminal = render_terminal(sample());
  const ForeignSurroundings foreign;
  EXPECT_EQ(render_html(sample()), html);
  EXPECT_EQ(render_markdown(sample()), markdown);
  EXPECT_EQ(render_csv(sample()), csv);
  EXPECT_EQ(render_terminal(sample()), terminal);
}

TEST(Summary, HeadlineSaysWhatTheVerdictsSay) {
  const auto sentences = headline(sample());
  ASSERT_EQ(sentences.size(), 3u);
  EXPECT_TRUE(sentences[0].starts_with("2 of 6 strategies pay: Self-consistency, n=5 (+0.10 ["));
  EXPECT_EQ(sentences[1], "CoT with reflection and Best of n do not pay.");

  auto json = sample_json();
  for (auto& s : json["strategies"])
    if (!s["verdict"].is_null()) s["verdict"]["label"] = "cannot tell at this n";
  EXPECT_EQ(headline(parsed(json))[0], "No strategy is shown to pay here.");
  for (auto& s : json["strategies"]) s["verdict"] = nullptr;
  EXPECT_EQ(headline(parsed(json))[0], "No strategy was compared with the baseline.");
}

TEST(Summary, ControlsStandInTheRowOfTheirStrategy) {
  const Table table = comparison_table(sample());
  ASSERT_EQ(table.rows.size(), 7u) << "eight rows, one of them a control";
  EXPECT_EQ(table.columns[3].name, "Over same time");
  EXPECT_EQ(table.rows[3].cells[3].text, "+0.08 [+0.04, +0.13]");
  EXPECT_EQ(family_table(sample()).rows.size(), 7u);
}

TEST(Summary, TheCaptionNamesAColumnThatIsThere) {
  const std::string caption(chart_caption(Chart::kQualityCost));
  const auto columns = comparison_table(sample()).columns;
  EXPECT_TRUE(std::ranges::any_of(columns, [&](const auto& column) {
    return caption.find("\u201c" + column.name + "\u201d") != std::string::npos;
  })) << caption;
}

TEST(Summary, NotesOfTheDocumentComeBeforeTheNumbers) {
  auto json = sample_json();
  json["notes"] = {"4 of 4 baseline answers were cut at --max-tokens 16"};
  const Report doc = parsed(json);
  for (const std::string& text : {render_terminal(doc), render_markdown(doc), render_html(doc)}) {
    const size_t note = text.find("4 of 4 baseline answers were cut");
    ASSERT_NE(note, std::string::npos);
    EXPECT_LT(note, text.find("strategies pay")) << text.substr(0, 400);
  }
}

TEST(Summary, AnIncompleteRunSaysSoFirst) {
  auto json = sample_json();
  json["status"] = {
      {"complete", false}, {"n_planned", 100}, {"n_done", 40}, {"stop_reason", "time limit"}};
  EXPECT_EQ(warnings(parsed(json))[0], "The run is not complete: 40 of 100 runs (time limit).");
}

TEST(Summary, SaysOnceWhatHoldsForAllRows) {
  auto json = sample_json();
  for (auto& strategy : json["strategies"]) {
    strategy["n_runs"] = 135;
    strategy["n_not_graded"] = 15;
    strategy["not_graded"] = {{{"reason", "rustc is not installed"}, {"n", 15}}};
    strategy["n_tasks"] = 120;
  }
  json["tasks"]["n_tasks"] = 135;
  const Report doc = parsed(json);
  auto lines = warnings(doc);
  for (const auto& line : remarks(doc)) lines.push_back(line);
  const auto count = [&](std::string_view words) {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) {
      return line.find(words) != std::string::npos;
    });
  };
  EXPECT_EQ(count("could not be graded"), 1);
  EXPECT_EQ(lines[1], "All rows: 15 of 135 runs could not be graded (rustc is not installed, 15).");
  EXPECT_EQ(count("accuracy is over"), 1);
  EXPECT_EQ(count("compare its difference"), 0);
}

/// A strict RFC 4180 reader.
std::vector<std::vector<std::string>> parse_csv(const std::string& text) {
  std::vector<std::vector<std::string>> rows{{""}};
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
        rows.back().back() += '"';
        ++i;
      } else if (c == '"') {
        quoted = false;
      } else {
        rows.back().back() += c;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      rows.back().emplace_back();
    } else if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      ++i;
      if (i + 1 < text.size()) rows.push_back({""});
    } else {
      rows.back().back() += c;
    }
  }
  EXPECT_FALSE(quoted);
  return rows;
}

TEST(Csv, ParsesBack) {
  const Report doc = sample();
  const auto rows = parse_csv(render_csv(doc));
  ASSERT_EQ(rows.size(), 1u + 8 * 5);
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  auto column = [&](const char* name) {
    return std::find(rows[0].begin(), rows[0].end(), name) - rows[0].begin();
  };
  const auto& row = rows[1 + 3 * 5];
  EXPECT_EQ(row[column("strategy")], "self_consistency");
  EXPECT_EQ(row[column("label")], "Self-consistency, n=5");  // the comma survives
  EXPECT_EQ(row[column("family")], "all");
  EXPECT_EQ(std::stod(row[column("accuracy")]), doc.strategies[3].accuracy->value);
  EXPECT_EQ(std::stod(row[column("cost_ratio_time_high")]),
            doc.strategies[3].cost_ratio_time->interval->high);
  EXPECT_EQ(row[column("verdict")], "pays");
  EXPECT_EQ(rows[1 + 1 * 5][column("peak_rss_bytes")], "");  // missing is empty, not 0
}

TEST(Csv, HostileTextStaysInItsField) {
  const std::string attack = "a\",\"b\r\n=cmd|'/c calc'!A1";
  const auto rows = parse_csv(render_csv(parsed(hostile_json(attack))));
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  const auto formula = parse_csv(render_csv(parsed(hostile_json("=1+1"))));
  EXPECT_EQ(formula[1][1], "'=1+1");
}

TEST(Html, HostileTextIsText) {
  const std::string attack = "</pre></title><script>alert(1)</script><img src=x onerror='x'>\"";
  const std::string page = render_html(parsed(hostile_json(attack)));
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)"), std::string::npos);
}

TEST(Html, GoldenPage) {
  expect_golden("page.golden.html",
                render_html(sample(), {.charts = {{Chart::kLatency, "<svg id='a'></svg>"}},
                                       .charts_missing = "only one was drawn",
                                       .max_traces_per_strategy = 2,
                                       .files = "Beside this page: nothing."}));
}

TEST(Html, ShowsWhatEachTechniqueBuys) {
  Report doc = sample();
  EXPECT_EQ(render_html(doc).find("What each technique buys"), std::string::npos);
  TechniqueRow base, other;
  base.name = doc.design.baseline;
  base.mean_characters_per_second = 394;
  other.name = "<script>vocab=a";
  other.time = stats::Estimate{0.5, stats::Interval{0.25, 0.75}, 0.95, "", 6};
  other.accuracy = stats::Estimate{0.375, stats::Interval{0.125, 0.625}, 0.95, "", 6};
  other.bits_per_byte = 1.25;
  other.bits_per_byte_error = 0.0625;
  other.weight_bytes = 123456789;
  other.kv = RunBytes{2000000, 1000000};
  other.process = RunBytes{4000000, 3000000};
  doc.techniques = {base, other};
  const std::string html = render_html(doc);
  ASSERT_NE(html.find("<h2>What each technique buys</h2>"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("<tr class=\"baseline\"><th scope=\"row\">" + base.name +
                      "</th>"
                      "<td class=\"n\">394.0</td><td class=\"n\">\u2013</td>"),
            std::string::npos);
  EXPECT_NE(html.find("<tr class=\"strategy\"><th scope=\"row\">&lt;script&gt;vocab=a</th>"),
            std::string::npos);
  for (const char* cell : {"0.50\u00d7 <span class=\"i\">[0.25, 0.75]</span>",
                           "0.38 <span class=\"i\">[0.12, 0.62]</span>",
                           "1.2500 <span class=\"i\">\u00b1 0.0625</span>", ">123.5<", ">2.0<",
                           ">1.0<", ">4.0<", ">3.0<"}) {
    EXPECT_NE(html.find(cell), std::string::npos) << cell;
  }
  for (const TechniqueColumn& column : technique_columns(doc.techniques)) {
    const std::string title = "<th scope=\"col\" class=\"n\">" + escape_html(column.title) +
                              (column.unit.empty() ? "" : "<small>" + column.unit + "</small>") +
                              "</th>";
    EXPECT_NE(html.find(title), std::string::npos) << title;
  }
}

TEST(Html, SelfContained) {
  const std::string page = render_html(sample());
  EXPECT_NE(page.find("Content-Security-Policy\" content=\"default-src 'none';"),
            std::string::npos);
  for (const char* fetch : {"http://", "https://", "src=", "@import", "<link"})
    EXPECT_EQ(page.find(fetch), std::string::npos) << fetch;
}

TEST(Html, TracesShowCandidatesAndTheChoice) {
  const std::string page = render_html(sample(), {.max_traces_per_strategy = 2});
  EXPECT_NE(page.find("2 of 432 runs, those that differ"), std::string::npos);
  EXPECT_NE(page.find("<strong>Chosen.</strong> Candidate 1"), std::string::npos);
  EXPECT_NE(page.find("not eligible: truncated"), std::string::npos);
}

TEST(Html, SaysWhichStagesWereLeftOut) {
  results::Document document;
  document.strategies.emplace_back();
  document.strategies[0].name = "moa";
  document.strategies[0].n_runs = 4;
  document.strategies[0].n_skipped = 1;
  document.events.emplace_back();
  document.events[0].strategy = "moa";
  document.events[0].skipped = {{"critique", "prompt <longer> than the context"}};
  const Report report = make_report(document);
  const std::string page = render_html(report);
  EXPECT_NE(page.find("Left out: critique"), std::string::npos);
  EXPECT_NE(page.find("prompt &lt;longer&gt; than the context"), std::string::npos);
  EXPECT_NE(page.find("outgrown the context: moa 1 of 4."), std::string::npos);
}

TEST(Html, SaysWhyChartsAreMissing) {
  EXPECT_NE(render_html(sample(), {.charts_missing = "no gnuplot"})
                .find("Charts are missing: no gnuplot"),
            std::string::npos);
}

TEST(Markdown, HostileTextCannotStartMarkup) {
  const std::string text = render_markdown(parsed(hostile_json("|x|<b>`c`[l](http://e) *y*")));
  EXPECT_EQ(text.find("<b>"), text.find("`` |x|<b>") == std::string::npos
                                  ? std::string::npos
                                  : text.find("`` |x|<b>") + 6);
  EXPECT_NE(text.find("\\|x\\|&lt;b>\\`c\\`[l\\](http://e) \\*y\\*"), std::string::npos);
}

TEST(Markdown, TablesHaveAsManyCellsAsColumns) {
  for (const auto& line : lines_of(render_markdown(sample()))) {
    if (line.starts_with("| Self")) {
      const auto n = std::count(line.begin(), line.end(), '|');
      EXPECT_TRUE(n == 12 || n == 6) << line;
    }
  }
}

}  // namespace
}  // namespace whet::report
