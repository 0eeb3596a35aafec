#include "cli/command_export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/command_help.h"

namespace whet {
namespace {

/// Text that roff prints as it is.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (out.empty() && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string all_names(const Command& command) {
  std::string names = "--help";
  for (const Flag& flag : command.flags()) {
    if (!flag.names().empty()) names += fmt::format(" {}", fmt::join(flag.names(), " "));
  }
  return names;
}

}  // namespace

std::string man_page(const std::vector<Command>& commands, const std::string& version) {
  std::string page = fmt::format(
      ".TH WHET 1 \"\" \"whet {}\" \"User Commands\"\n.SH NAME\nwhet \\- run language models, "
      "sharpen "
      "them at inference time, measure what it bought\n.SH SYNOPSIS\n",
      roff(version));
  for (const Command& command : commands)
    page += fmt::format(".B {}\n.br\n", roff(command.usage()));
  page += fmt::format(".SH DESCRIPTION\n{}\n", roff(kMotto));
  for (const Command& command : commands) {
    page += fmt::format(".SH \"WHET {}\"\n{}.\n", command.name(), roff(command.summary()));
    for (const Flag& flag : command.flags())
      page +=
          fmt::format(".TP\n.B {}\n{}\n", roff(flag_heading(flag)), roff(flag_explanation(flag)));
    if (!command.footer().empty())
      page += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(command.footer()));
  }
  return page +
         ".SH EXIT STATUS\n0 done, 1 failure, 2 usage, 3 model or file, 5 memory or another limit, "
         "130 "
         "interrupted, 143 terminated.\n";
}

std::string bash_completion(const std::vector<Command>& commands) {
  std::string names, flags, values;
  for (const Command& command : commands) {
    names += command.name() + " ";
    flags += fmt::format("    {}) flags=\"{}\" ;;\n", command.name(), all_names(command));
    for (const Flag& flag : command.flags()) {
      if (flag.choices().empty() || flag.names().empty()) continue;
      std::string pattern;
      for (const std::string& name : flag.names())
        pattern += fmt::format("{}\"{} {}\"", pattern.empty() ? "" : "|", command.name(), name);
      values += fmt::format("    {}) words=\"{}\" ;;\n", pattern, fmt::join(flag.choices(), " "));
    }
  }
  return fmt::format(
      "# bash completion of whet; written by whet --completion-bash\n"
      "_whet() {{\n"
      "  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  local command=${{COMP_WORDS[1]}} flags=\"\" words=\"\"\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    COMPREPLY=($(compgen -W \"{}help version\" -- \"$current\"))\n"
      "    return\n"
      "  fi\n"
      "  case \"$command\" in\n{}  esac\n"
      "  case \"$command $previous\" in\n{}  esac\n"
      "  if [[ $command == help ]]; then words=\"{}\"; fi\n"
      "  if [[ -n $words ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "  elif [[ $current == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$flags\" -- \"$current\"))\n"
      "  else\n"
      "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
      "  fi\n"
      "}}\n"
      "complete -o filenames -F _whet whet\n",
      names, flags, values, names);
}

}  // namespace whet
