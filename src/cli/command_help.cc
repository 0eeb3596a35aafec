#include "cli/command_help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace whet {
namespace {

constexpr size_t kIndent = 2, kExplanationColumn = 32;

/// Words in lines of at most `columns`, the later ones indented.
std::string wrapped(std::string_view text, size_t indent, size_t columns) {
  std::string out;
  size_t at = indent;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (at > indent && at + 1 + word.size() > columns) {
      out += "\n" + std::string(indent, ' ');
      at = indent;
    } else if (at > indent) {
      out += ' ';
      ++at;
    }
    out += word;
    at += word.size();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string entry(std::string_view heading, std::string_view explanation, size_t columns) {
  std::string line = std::string(kIndent, ' ') + std::string(heading);
  if (line.size() + 2 > kExplanationColumn) {
    line += '\n';
    line += std::string(kExplanationColumn, ' ');
  } else {
    line.resize(kExplanationColumn, ' ');
  }
  return line + wrapped(explanation, kExplanationColumn, columns) + "\n";
}

}  // namespace

std::string flag_heading(const Flag& flag) {
  std::string names = fmt::format("{}", fmt::join(flag.names(), ", "));
  if (!flag.operand().empty())
    return names.empty() ? flag.operand() : flag.operand() + ", " + names;
  if (!flag.value_alone().empty()) return names + " [" + flag.shown_value() + "]";
  return flag.takes_value() ? names + " " + flag.shown_value() : names;
}

std::string flag_explanation(const Flag& flag) {
  std::string text = flag.help();
  if (!flag.choices().empty()) text += fmt::format(": {}", fmt::join(flag.choices(), ", "));
  if (!flag.shown_default().empty()) text += fmt::format(" [{}]", flag.shown_default());
  return text;
}

std::string help_text(const Command& command, size_t columns) {
  std::string text = fmt::format("usage: {}\n\n{}\n", command.usage(),
                                 wrapped(command.summary() + ".", 0, columns));
  std::string group = " ";
  for (const Flag& flag : command.flags()) {
    if (flag.group() != group) {
      group = flag.group();
      text += fmt::format("\n{}:\n", group.empty() ? "Flags" : group);
    }
    text += entry(flag_heading(flag), flag_explanation(flag), columns);
  }
  if (!command.footer().empty()) text += "\n" + command.footer();
  return text;
}

std::string overview_text(const std::vector<Command>& commands, size_t columns) {
  size_t widest = 0;
  for (const Command& command : commands) widest = std::max(widest, command.name().size() + 2);
  std::string text =
      fmt::format("usage: whet COMMAND ...\n\n{}\n\nCommands:\n", wrapped(kMotto, 0, columns));
  for (const Command& command : commands) {
    text += fmt::format("  {:<{}}{}\n", command.name(), widest,
                        wrapped(command.summary(), 2 + widest, columns));
  }
  return text +
         "\n\"whet help COMMAND\" or \"whet COMMAND --help\" lists the flags of a command,\n"
         "\"whet --version\" says what this build is.\n";
}

}  // namespace whet
