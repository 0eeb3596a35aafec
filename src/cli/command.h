// Command: one subcommand with its flags, declared once: parsing, --help, the man page and the
// shell's completion all read this description.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/flag.h"

namespace whet {

class Command {
 public:
  Command(std::string name, std::string summary)
      : name_(std::move(name)), summary_(std::move(summary)) {}
  // Moved, never copied: actions may hold pointers to flags.
  Command(Command&&) = default;
  Command& operator=(Command&&) = default;

  /// A flag or operand. What `target` points to outlives the command.
  Flag& add(std::string_view names, FlagTarget target, std::string help);
  /// The heading under which the help lists the flags that are added from here on.
  void begin_group(std::string title) { group_ = std::move(title); }
  /// Text at the end of the help.
  void footer(std::string text) { footer_ = std::move(text); }
  /// What the command does once its flags are read; returns the exit status.
  void action(std::function<int()> run) { run_ = std::move(run); }

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::string& footer() const { return footer_; }
  const std::deque<Flag>& flags() const { return flags_; }
  /// "whet run [MODEL] [PROMPT...] [flags]"
  std::string usage() const;
  int run() const { return run_(); }

  struct Parsed {
    bool help = false;               // asked for; what follows it was not read
    std::vector<std::string> notes;  // flags that were accepted and do nothing here
  };
  /// Reads the arguments behind the command's name into the targets. Errors, of the first argument
  /// that is wrong: an unknown flag, with the nearest known one; a value that is missing or not
  /// what the flag takes; then an operand too many or a required one too few.
  Result<Parsed> parse(const std::vector<std::string>& arguments);

 private:
  class Parser;

  std::string name_, summary_, group_, footer_;
  std::deque<Flag> flags_;  // references to flags stay valid
  std::function<int()> run_;
};

}  // namespace whet
