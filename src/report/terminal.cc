#include "report/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "report/summary.h"
#include "report/text.h"

namespace whet::report {
namespace {

constexpr int kMinNameWidth = 12;

class Painter {
 public:
  explicit Painter(bool colour) : colour_(colour) {}
  std::string bold(const std::string& text) const { return paint("1", text); }
  std::string dim(const std::string& text) const { return paint("2", text); }
  std::string verdict(const StrategyResult& s, const std::string& text) const {
    if (!s.verdict) return dim(text);
    switch (s.verdict->label) {
      case VerdictLabel::kPays:
        return paint("1;32", text);
      case VerdictLabel::kDoesNotPay:
        return paint("31", text);
      case VerdictLabel::kNoDifference:
        return text;
      case VerdictLabel::kCannotTell:
        return paint("33", text);
    }
    WHET_UNREACHABLE();
  }

 private:
  std::string paint(const char* code, const std::string& text) const {
    return colour_ ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
  }
  bool colour_;
};

void trim_right(std::string& text) {
  text.erase(text.find_last_not_of(' ') + 1);
}

std::vector<int> column_widths(const Table& table, int total) {
  std::vector<int> widths;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    int width =
        std::max(display_width(table.columns[c].name), display_width(table.columns[c].unit));
    for (const auto& row : table.rows) width = std::max(width, display_width(row.cells[c].text));
    widths.push_back(width);
  }
  int sum = 2 * static_cast<int>(widths.size() - 1);
  for (int width : widths) sum += width;
  if (sum > total) widths[0] = std::max(kMinNameWidth, widths[0] - (sum - total));
  return widths;
}

/// The table in at most `total` columns: optional columns go first, then the brief form of cells.
Table fitted(Table table, int total) {
  const auto width_of = [](const Table& of) {
    int sum = -2;
    for (int width : column_widths(of, 1 << 20)) sum += width + 2;
    return sum;
  };
  while (width_of(table) > total) {
    const auto last =
        std::max_element(table.columns.begin(), table.columns.end(),
                         [](const auto& a, const auto& b) { return a.rank < b.rank; });
    if (last == table.columns.end() || last->rank == 0) break;
    const auto index = last - table.columns.begin();
    table.columns.erase(last);
    for (auto& row : table.rows) row.cells.erase(row.cells.begin() + index);
  }
  if (width_of(table) <= total) return table;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    if (table.rows.empty() || table.rows[0].cells[c].brief.empty()) continue;
    table.columns[c].unit.clear();
    for (auto& row : table.rows) row.cells[c].text = row.cells[c].brief;
  }
  return table;
}

std::string render_table(const Table& table, int total, const Painter& painter) {
  const std::vector<int> widths = column_widths(table, total);
  auto aligned = [&](size_t c, const std::string& text, bool right) {
    return right ? pad_left(text, widths[c]) : pad_right(text, widths[c]);
  };
  auto is_number = [&](size_t c) {
    return !table.rows.empty() && table.rows[0].cells[c].is_number;
  };
  std::vector<std::string> row_names;
  for (const auto& row : table.rows) row_names.push_back(row.cells[0].text);
  if (!widths.empty()) row_names = truncate_names(row_names, widths[0]);
  std::string names, units;
  int used = 0;
  for (size_t c = 0; c < widths.size(); ++c) {
    names += (c ? "  " : "") + aligned(c, table.columns[c].name, is_number(c));
    units += (c ? "  " : "") + aligned(c, table.columns[c].unit, is_number(c));
    used += widths[c] + (c ? 2 : 0);
  }
  trim_right(names);
  trim_right(units);
  std::string result = painter.bold(names) + "\n";
  if (!units.empty()) result += painter.dim(units) + "\n";
  result += painter.dim(rule(used)) + "\n";
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const auto& row = table.rows[r];
    std::string line;
    for (size_t c = 0; c < row.cells.size(); ++c) {
      std::string cell =
          aligned(c, c == 0 ? row_names[r] : row.cells[c].text, row.cells[c].is_number);
      const bool last = c + 1 == row.cells.size();
      if (last) trim_right(cell);
      const bool is_verdict = table.columns[c].name == "Verdict";
      line += (c ? "  " : "") + (is_verdict ? painter.verdict(*row.strategy, cell) : cell);
    }
    trim_right(line);
    result += line + "\n";
  }
  return result;
}

}  // namespace

int stdout_width() {
  winsize size{};
  const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

std::string render_terminal(const Report& doc, const TerminalOptions& options) {
  const Painter painter(options.colour);
  const int width = std::max(options.width, 40);
  std::string out;
  if (!doc.title.empty()) out += painter.bold(truncate(doc.title, width)) + "\n";
  const std::string about = setting(doc);
  if (!about.empty()) out += painter.dim(truncate(about, width)) + "\n";
  const auto cautions = warnings(doc);
  if (!cautions.empty()) out += "\n" + painter.bold("Before you rely on this") + "\n";
  for (const auto& line : cautions) out += wrapped(line, "  ", "  ", width);
  out += "\n";
  for (const auto& sentence : headline(doc)) out += wrapped(sentence, "", "", width);
  out += "\n" + render_table(fitted(comparison_table(doc), width), width, painter);
  if (!doc.strategies.empty()) out += wrapped(table_legend(doc), "", "", width);

  bool any_reason = false;
  for (const auto& s : doc.strategies) {
    if (!s.verdict || s.verdict->reason.empty()) continue;
    if (!any_reason) out += "\n" + painter.bold("Why") + "\n";
    any_reason = true;
    out += wrapped(s.title() + ": " + one_line(s.verdict->reason), "  ", "    ", width);
  }
  if (doc.families.size() > 1) {
    // As many families side by side as fit; the rest below.
    const Table all = family_table(doc);
    out += "\n" + painter.bold("Accuracy by family") + "\n";
    const int name_width = column_widths(all, width)[0];
    for (size_t first = 1; first < all.columns.size();) {
      Table part;
      part.columns = {all.columns[0]};
      for (const auto& row : all.rows) part.rows.push_back({{row.cells[0]}, row.strategy});
      int used = name_width;
      size_t c = first;
      const std::vector<int> widths = column_widths(all, 1 << 20);
      for (; c < all.columns.size() && (c == first || used + 2 + widths[c] <= width); ++c) {
        part.columns.push_back(all.columns[c]);
        for (size_t r = 0; r < all.rows.size(); ++r)
          part.rows[r].cells.push_back(all.rows[r].cells[c]);
        used += 2 + widths[c];
      }
      first = c;
      out += render_table(part, width, painter);
      if (first < all.columns.size()) out += "\n";
    }
  }
  const auto notes = remarks(doc);
  if (!notes.empty()) out += "\n" + painter.bold("Notes") + "\n";
  for (const auto& note : notes) out += wrapped(note, "  ", "  ", width);
  if (!options.files.empty()) out += "\nFiles: " + one_line(options.files) + "\n";
  return out;
}

}  // namespace whet::report
