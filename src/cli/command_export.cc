#include "cli/command_export.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

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

struct NextWord {
  std::string word, summary;
};
/// What may follow the first words of commands of several words, "" being the program's name:
/// "adapt" and "bench" follow "", "vocab" follows "adapt", "mine" follows "adapt vocab".
using NextWords = std::map<std::string, std::vector<NextWord>>;

std::string joined(const std::vector<NextWord>& words, std::string_view separator) {
  std::string out;
  for (const NextWord& next : words) {
    if (!out.empty()) out += separator;
    out += next.word;
  }
  return out;
}

NextWords next_words(const std::vector<Command>& commands) {
  NextWords next;
  for (const Command& command : commands) {
    const std::string& name = command.name();
    for (size_t begin = 0; begin < name.size();) {
      const size_t end = std::min(name.find(' ', begin), name.size());
      std::vector<NextWord>& words = next[name.substr(0, begin == 0 ? 0 : begin - 1)];
      const std::string word = name.substr(begin, end - begin);
      auto at = std::find_if(words.begin(), words.end(),
                             [&](const NextWord& known) { return known.word == word; });
      if (at == words.end()) at = words.insert(at, {word, ""});
      if (end == name.size()) at->summary = command.summary();
      begin = end + 1;
    }
  }
  for (auto& [before, words] : next) {
    for (NextWord& word : words) {
      if (!word.summary.empty()) continue;
      const std::string group = before + (before.empty() ? "" : " ") + word.word;
      word.summary = "commands: " + joined(next[group], ", ");
    }
  }
  next[""].push_back({"help", "explain a command"});
  next[""].push_back({"version", "what this is"});
  return next;
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
  std::string next, known, flags, values;
  for (const auto& [before, words] : next_words(commands))
    next += fmt::format("    \"{}\") words=\"{}\" ;;\n", before, joined(words, " "));
  for (const Command& command : commands) {
    known += fmt::format("{}\"{}\"", known.empty() ? "" : "|", command.name());
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
      "  local command=\"\" flags=\"\" words=\"\" before n\n"
      "  before=\"${{COMP_WORDS[*]:1:COMP_CWORD-1}}\" before=${{before#help}} before=${{before# "
      "}}\n"
      "  for ((n = 1; n < COMP_CWORD; ++n)); do\n"
      "    case \"${{COMP_WORDS[*]:1:n}}\" in {}) command=\"${{COMP_WORDS[*]:1:n}}\" ;; esac\n"
      "  done\n"
      "  case \"$command\" in\n{}  esac\n"
      "  case \"$command $previous\" in\n{}  esac\n"
      "  if [[ -z $words && $current != -* ]]; then case \"$before\" in\n{}  esac; fi\n"
      "  if [[ -n $words ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "    [[ ${{#COMPREPLY[@]}} -gt 0 || -z $command ]] && return\n"
      "  fi\n"
      "  if [[ $current == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$flags\" -- \"$current\"))\n"
      "  else\n"
      "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
      "  fi\n"
      "}}\n"
      "complete -o filenames -F _whet whet\n",
      known, flags, values, next);
}

std::string zsh_completion(const std::vector<Command>& commands) {
  std::string next, known, cases;
  for (const auto& [before, words] : next_words(commands)) {
    next += fmt::format("    {})\n      names=(", quoted(before, kPosixQuote));
    for (const NextWord& word : words)
      next += "\n        " + quoted(word.word + ":" + zsh_text(word.summary), kPosixQuote);
    next += ") ;;\n";
  }
  for (const Command& command : commands) {
    known += fmt::format("{}{}", known.empty() ? "" : "|", quoted(command.name(), kPosixQuote));
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
      "  local command='' n_words=0 n before=\"${{(j: :)words[2,CURRENT-1]}}\"\n"
      "  before=\"${{${{before#help}}# }}\"\n"
      "  for (( n = 2; n < CURRENT; ++n )); do\n"
      "    case \"${{(j: :)words[2,n]}}\" in\n"
      "      {}) command=\"${{(j: :)words[2,n]}}\"; n_words=$(( n - 1 )) ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$before\" in\n{}  esac\n"
      "  (( $#names )) && _describe command names\n"
      "  [[ -n $command ]] || return\n"
      "  (( CURRENT -= n_words ))\n"
      "  shift $n_words words\n"
      "  case $command in\n{}  esac\n"
      "}}\n"
      "_whet \"$@\"\n",
      known, next, cases);
}

std::string fish_completion(const std::vector<Command>& commands) {
  std::string out =
      "# fish completion of whet; written by whet --completion-fish\n"
      "function __whet_at  # exactly these words stand before the cursor\n"
      "  set -l words (commandline -opc)\n"
      "  set -e words[1]\n"
      "  test \"$words[1]\" = help; and set -e words[1]\n"
      "  test \"$words\" = \"$argv\"\n"
      "end\n"
      "function __whet_in  # these words begin the line\n"
      "  set -l words (commandline -opc)\n"
      "  set -l last (math (count $argv) + 1)\n"
      "  test (count $words) -ge $last; and test \"$words[2..$last]\" = \"$argv\"\n"
      "end\n";
  for (const auto& [before, words] : next_words(commands)) {
    const bool is_command =
        std::any_of(commands.begin(), commands.end(),
                    [&name = before](const Command& command) { return command.name() == name; });
    for (const NextWord& next : words) {
      out +=
          fmt::format("complete -c whet{} -n '__whet_at {}' -a {} -d {}\n", is_command ? "" : " -f",
                      before, next.word, quoted(next.summary, kFishQuote));
    }
  }
  for (const Command& command : commands) {
    std::string condition = "__whet_in " + command.name();
    for (const Command& other : commands) {
      if (other.name().starts_with(command.name() + " "))
        condition += "; and not __whet_in " + other.name();
    }
    for (const Flag& flag : command.flags()) {
      if (flag.names().empty()) continue;
      out += fmt::format("complete -c whet -n '{}'", condition);
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
