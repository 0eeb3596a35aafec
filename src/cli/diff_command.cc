#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "experiment/comparison.h"
#include "report/terminal.h"
#include "report/text.h"
#include "results/document_file.h"

namespace whet {
namespace {

struct DiffFlags {
  std::string a, b;
};

constexpr int kMaxNameColumns = 40;
constexpr int kMaxSettingColumns = 40;  // of one value; a digest needs no more to differ

std::string quoted_cell(const std::string& text) {
  return report::truncate(report::one_line(text.empty() ? std::string(report::kMissing) : text),
                          kMaxSettingColumns);
}

/// Intervals of the ratio of tokens stand where the terminal has room for them.
void print_rows(const experiment::ResultsComparison& comparison, int width) {
  constexpr int kFigures = 5 + 22 + 20;  // runs, accuracy, time, with their spaces
  const bool is_wide = width >= kFigures + 20 + 24;
  const int token_columns = is_wide ? 18 : 6;
  std::vector<std::string> names;
  for (const auto& row : comparison.rows) names.push_back(report::one_line(row.name));
  names = report::truncate_names(
      names, std::clamp(width - kFigures - 2 - token_columns, 16, kMaxNameColumns));
  int columns = 3;
  for (const std::string& name : names) columns = std::max(columns, report::display_width(name));
  const auto print = [&](std::string_view name, std::string_view runs, std::string_view accuracy,
                         std::string_view time, std::string_view tokens) {
    fmt::print("{} {}  {}  {}  {}\n", report::pad_right(name, columns), report::pad_left(runs, 4),
               report::pad_left(accuracy, 20), report::pad_left(time, 18),
               report::pad_left(tokens, token_columns));
  };
  print("Row", "runs", "accuracy, B \u2212 A", "time, B / A", is_wide ? "tokens, B / A" : "tokens");
  for (size_t i = 0; i < names.size(); ++i) {
    const auto& row = comparison.rows[i];
    std::optional<stats::Estimate> accuracy;
    if (row.accuracy) accuracy = row.accuracy->estimate;
    print(names[i], fmt::format("{}", row.n_runs), report::format_difference(accuracy),
          report::format_ratio(row.time_ratio, true),
          report::format_ratio(row.token_ratio, is_wide));
  }
}

int run_diff(const DiffFlags& options) {
  auto a = results::load_document(options.a);
  if (!a.ok()) return fail(a.error());
  auto b = results::load_document(options.b);
  if (!b.ok()) return fail(b.error());
  for (const auto& [path, document] : {std::pair(&options.a, &*a), std::pair(&options.b, &*b)}) {
    if (document->events.empty()) {
      return fail(Error(ErrorCode::kInvalidArgument,
                        fmt::format("{}: expected the events of the runs beside the document, "
                                    "found none; two results are compared run by run",
                                    *path)));
    }
  }
  const auto comparison = experiment::compare(*a, *b);
  const int width = report::stdout_width();
  fmt::print("A: {}\nB: {}\n\n", options.a, options.b);
  print_rows(comparison, width);
  fmt::print("\n{}", report::wrapped("Runs: those that both have (task, question and seed). "
                                     "Brackets: 95 % intervals over tasks; they are not corrected "
                                     "for several rows.",
                                     "", "", width));
  const auto note = [](const char* which, const std::vector<std::string>& names) {
    if (!names.empty())
      fmt::print("Only in {}: {}\n", which,
                 report::one_line(fmt::format("{}", fmt::join(names, ", "))));
  };
  note("A", comparison.only_a);
  note("B", comparison.only_b);
  if (comparison.settings.empty()) {
    fmt::print("\nThe settings are the same.\n");
    return 0;
  }
  fmt::print("\nWhat else differs:\n");
  for (const auto& setting : comparison.settings) {
    fmt::print("  {}: {} | {}\n", quoted_cell(setting.name), quoted_cell(setting.a),
               quoted_cell(setting.b));
  }
  return 0;
}

}  // namespace

Command make_diff_command() {
  auto options = std::make_shared<DiffFlags>();
  Command command("diff", "Compare two results of whet eval, run by run");
  command.add("A", &options->a, "directory of whet eval, or its results.json").required();
  command.add("B", &options->b, "the one to compare with it").required();
  command.action([options] { return run_diff(*options); });
  return command;
}

}  // namespace whet
