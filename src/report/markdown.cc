#include "report/markdown.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "report/summary.h"
#include "report/text.h"

namespace whet::report {
namespace {

bool joins_words(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80;
}

/// Escapes what Markdown or HTML would read, and no more: plain brackets and the underscores inside
/// a name stay as they are.
std::string escaped(std::string_view text) {
  const std::string line = one_line(text);
  std::string result;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const char before = i > 0 ? line[i - 1] : ' ';
    const char after = i + 1 < line.size() ? line[i + 1] : ' ';
    if (c == '<') {
      result += "&lt;";
      continue;
    }
    if (c == '&') {
      result += "&amp;";
      continue;
    }
    const bool always = std::string_view("\\`*|~").find(c) != std::string_view::npos;
    const bool emphasis = c == '_' && !(joins_words(before) && joins_words(after));
    const bool link = c == ']' && std::string_view("([:").find(after) != std::string_view::npos;
    const bool block =
        i == 0 && (std::string_view("#>=").find(c) != std::string_view::npos ||
                   (std::string_view("+-").find(c) != std::string_view::npos && after == ' '));
    if (always || emphasis || link || block) result += '\\';
    result += c;
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

std::string markdown_table(const Table& table) {
  std::string names = "|", rulers = "|";
  for (size_t c = 0; c < table.columns.size(); ++c) {
    const std::string& name = table.columns[c].name;
    const std::string& unit = table.columns[c].unit;
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

std::string render_markdown(const Report& doc) {
  std::string out = "# " + escaped(doc.title.empty() ? "Results" : doc.title) + "\n\n";
  const auto cautions = warnings(doc);
  if (!cautions.empty()) out += "**Before you rely on this**\n\n";
  for (const auto& line : cautions) out += "- " + escaped(line) + "\n";
  if (!cautions.empty()) out += "\n";
  for (const auto& sentence : headline(doc)) out += escaped(sentence) + "\n";
  const std::string about = setting(doc);
  if (!about.empty()) out += "\n" + escaped(about) + "\n";
  out += "\n## Comparison\n\n" + markdown_table(comparison_table(doc));
  if (!doc.strategies.empty()) out += "\n" + escaped(table_legend(doc)) + "\n";
  bool any_reason = false;
  for (const auto& s : doc.strategies) {
    if (!s.verdict || s.verdict->reason.empty()) continue;
    if (!any_reason) out += "\n";
    any_reason = true;
    out += "- **" + escaped(s.title()) + "** " + escaped(verdict_label_name(s.verdict->label)) +
           ": " + escaped(s.verdict->reason) + "\n";
  }
  if (!doc.families.empty())
    out += "\n## Accuracy by family\n\n" + markdown_table(family_table(doc));
  const auto notes = remarks(doc);
  if (!notes.empty()) out += "\n## Notes\n\n";
  for (const auto& note : notes) out += "- " + escaped(note) + "\n";
  out += "\n## Setting\n";
  for (const auto& group : facts_of(doc)) {
    out += "\n**" + escaped(group.heading) + "**\n\n";
    for (const auto& [name, value] : group.facts)
      out += "- " + escaped(name) + ": " + code(value) + "\n";
  }
  if (!doc.command.empty()) out += "\n**Command:** " + code(command_line(doc)) + "\n";
  return out;
}

}  // namespace whet::report
