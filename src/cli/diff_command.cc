#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "cli/commands.h"
#include "cli/terminal.h"
#include "experiment/comparison.h"
#include "report/text.h"
#include "results/document_file.h"

namespace whet {
namespace {

struct DiffFlags {
  std::string a, b;
};

constexpr int kMaxSettingColumns = 40;  // of one value; a digest needs no more to differ

std::string quoted_cell(const std::string& text) {
  return report::truncate(report::one_line(text.empty() ? std::string(report::kMissing) : text),
                          kMaxSettingColumns);
}

void print_rows(const experiment::ResultsComparison& comparison) {
  size_t width = 3;
  for (const auto& row : comparison.rows) width = std::max(width, row.name.size());
  const int columns = static_cast<int>(std::min<size_t>(width, 32));
  fmt::print("{}  {:>6}  {:>24}  {:>20}  {:>20}\n", report::pad_right("Row", columns), "runs",
             "accuracy, B \u2212 A", "time, B / A", "tokens, B / A");
  for (const auto& row : comparison.rows) {
    std::optional<stats::Estimate> accuracy;
    if (row.accuracy) accuracy = row.accuracy->estimate;
    const std::string name = report::truncate(report::one_line(row.name), columns);
    fmt::print("{}  {:>6}  {}  {}  {}\n", report::pad_right(name, columns), row.n_runs,
               report::pad_left(report::format_difference(accuracy), 24),
               report::pad_left(report::format_ratio(row.time_ratio, true), 20),
               report::pad_left(report::format_ratio(row.token_ratio, true), 20));
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
  fmt::print("A: {}\nB: {}\n\n", options.a, options.b);
  print_rows(comparison);
  fmt::print(
      "\nRuns: those that both have (task, question and seed). Brackets: 95 % intervals over "
      "tasks; they\nare not corrected for several rows.\n");
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
