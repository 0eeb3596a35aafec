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

/// "bench serve": a command of two words.
bool is_pair(const Command& command) {
  return command.name().find(' ') != std::string::npos;
}

/// `text` within single quotes of a shell whose escape for one is `quote`.
std::string quoted(std::string_view text, std::string_view quote) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += quote;
    } else {
      out += c;
    }
  }
  return out + "'";
}
constexpr std::string_view kPosixQuote = "'\\''", kFishQuote = "\\'";

/// A description within zsh's brackets or behind its colon.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
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
         "interrupted, 143 terminated, 129 terminal closed.\n";
}

std::string bash_completion(const std::vector<Command>& commands) {
  std::string names, flags, values, pairs;
  for (const Command& command : commands) {
    if (is_pair(command)) {
      pairs += fmt::format("    \"{0}\") command=\"{0}\" ;;\n", command.name());
    } else {
      names += command.name() + " ";
    }
    flags += fmt::format("    \"{}\") flags=\"{}\" ;;\n", command.name(), all_names(command));
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
      "  if ((COMP_CWORD > 2)); then case \"$command ${{COMP_WORDS[2]}}\" in\n{}  esac; fi\n"
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
      names, pairs, flags, values, names);
}

std::string zsh_completion(const std::vector<Command>& commands) {
  std::string names, pairs, cases;
  for (const Command& command : commands) {
    if (is_pair(command)) {
      pairs += fmt::format("    {0}) command={0} ;;\n", quoted(command.name(), kPosixQuote));
    } else {
      names +=
          "    " + quoted(command.name() + ":" + zsh_text(command.summary()), kPosixQuote) + "\n";
    }
    cases += fmt::format("    {}) _arguments -S '--help[explain the command]' \\\n",
                         quoted(command.name(), kPosixQuote));
    for (const Flag& flag : command.flags()) {
      std::string value;
      if (flag.takes_value()) {
        value = ":" + zsh_text(flag.shown_value()) + ":";
        value +=
            flag.choices().empty() ? "_files" : fmt::format("({})", fmt::join(flag.choices(), " "));
      }
      for (const std::string& name : flag.names()) {
        cases += "      " +
                 quoted(fmt::format("{}{}[{}]{}", flag.repeats() ? "*" : "", name,
                                    zsh_text(flag.help()), value),
                        kPosixQuote) +
                 " \\\n";
      }
    }
    cases += "      '*:file:_files' ;;\n";
  }
  return fmt::format(
      "#compdef whet\n"
      "# zsh completion of whet; written by whet --completion-zsh\n"
      "_whet() {{\n"
      "  local -a names\n"
      "  names=(\n{}    'help:explain a command'\n    'version:what this is'\n  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe command names\n"
      "    return\n"
      "  fi\n"
      "  local command=$words[2]\n"
      "  if (( CURRENT > 3 )); then\n"
      "    case \"$command $words[3]\" in\n{}    esac\n"
      "  fi\n"
      "  (( CURRENT -= 1 ))\n"
      "  shift words\n"
      "  if [[ $command == *' '* ]]; then (( CURRENT -= 1 )); shift words; fi\n"
      "  case $command in\n{}    help) _describe command names ;;\n  esac\n"
      "}}\n"
      "_whet \"$@\"\n",
      names, pairs, cases);
}

std::string fish_completion(const std::vector<Command>& commands) {
  std::string out = "# fish completion of whet; written by whet --completion-fish\n";
  for (const Command& command : commands) {
    const std::string first = command.name().substr(0, command.name().find(' '));
    if (is_pair(command)) {
      const std::string second = command.name().substr(first.size() + 1);
      out += fmt::format("complete -c whet -n '__fish_seen_subcommand_from {}' -a {} -d {}\n",
                         first, second, quoted(command.summary(), kFishQuote));
    } else {
      out += fmt::format("complete -c whet -f -n __fish_use_subcommand -a {} -d {}\n", first,
                         quoted(command.summary(), kFishQuote));
    }
    const std::string condition = is_pair(command)
                                      ? fmt::format(
                                            "'__fish_seen_subcommand_from {}; and "
                                            "__fish_seen_subcommand_from {}'",
                                            first, command.name().substr(first.size() + 1))
                                      : fmt::format("'__fish_seen_subcommand_from {}'", first);
    for (const Flag& flag : command.flags()) {
      if (flag.names().empty()) continue;
      out += fmt::format("complete -c whet -n {}", condition);
      for (const std::string& name : flag.names()) {
        // -l: --long, -s: -x, -o: a single dash before several letters.
        if (name.starts_with("--")) {
          out += " -l " + name.substr(2);
        } else {
          out += (name.size() == 2 ? " -s " : " -o ") + name.substr(1);
        }
      }
      if (flag.takes_value()) out += " -r";
      if (!flag.choices().empty()) {
        out += " -f -a " + quoted(fmt::format("{}", fmt::join(flag.choices(), " ")), kFishQuote);
      }
      out += " -d " + quoted(flag.help(), kFishQuote) + "\n";
    }
  }
  return out;
}

}  // namespace whet
