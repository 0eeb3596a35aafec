#include "report/markdown.h"

#include <string_view>

#include "report/summary.h"
#include "report/text.h"

namespace whet::report {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (char c : one_line(text)) {
    if (c == '<') {
      result += "&lt;";
    } else if (c == '&') {
      result += "&amp;";
    } else {
      if (std::string_view("\\`*_{}[]|#>~!").find(c) != std::string_view::npos) result += '\\';
      result += c;
    }
  }
  return result;
}

/// A code span that no run of backquotes in the text can end.
std::string code(std::string_view text) {
  const std::string line = one_line(text);
  size_t longest = 0;
  size_t run = 0;
  for (char c : line) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  const std::string space = longest > 0 ? " " : "";
  return fence + space + line + space + fence;
}

std::string render_table(const Table& table) {
  std::string names = "|", rulers = "|";
  for (size_t c = 0; c < table.columns.size(); ++c) {
    const auto& [name, unit] = table.columns[c];
    names += " " + escaped(name) + (unit.empty() ? "" : ", " + escaped(unit)) + " |";
    rulers += !table.rows.empty() && table.rows[0].cells[c].is_number ? "---:|" : ":---|";
  }
  std::string result = names + "\n" + rulers + "\n";
  for (const auto& row : table.rows) {
    result += "|";
    for (const auto& cell : row.cells) result += " " + escaped(cell.text) + " |";
    result += "\n";
  }
  return result;
}

}  // namespace

std::string render_markdown(const Document& doc) {
  std::string out = "# " + escaped(doc.title.empty() ? "Results" : doc.title) + "\n\n";
  for (const auto& sentence : headline(doc)) out += escaped(sentence) + "\n";
  const std::string about = setting(doc);
  if (!about.empty()) out += "\n" + escaped(about) + "\n";
  out += "\n## Comparison\n\n" + render_table(comparison_table(doc));
  bool any_reason = false;
  for (const auto& s : doc.strategies) {
    if (!s.verdict || s.verdict->reason.empty()) continue;
    if (!any_reason) out += "\n";
    any_reason = true;
    out += "- **" + escaped(s.label) + "** " + escaped(s.verdict->label) + ": " +
           escaped(s.verdict->reason) + "\n";
  }
  if (!doc.families.empty()) out += "\n## Accuracy by family\n\n" + render_table(family_table(doc));
  const auto notes = caveats(doc);
  if (!notes.empty()) out += "\n## Notes\n\n";
  for (const auto& note : notes) out += "- " + escaped(note) + "\n";
  out += "\n## Setting\n";
  for (const auto& group : doc.facts) {
    out += "\n**" + escaped(group.heading) + "**\n\n";
    for (const auto& [name, value] : group.facts)
      out += "- " + escaped(name) + ": " + code(value) + "\n";
  }
  if (!doc.command.empty()) out += "\n**Command:** " + code(command_line(doc)) + "\n";
  return out;
}

}  // namespace whet::report
