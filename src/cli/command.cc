#include "cli/command.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/foreign_flags.h"
#include "cli/nearest_name.h"

namespace whet {

Flag& Command::add(std::string_view names, FlagTarget target, std::string help) {
  Flag& flag = flags_.emplace_back(names, std::move(target), std::move(help));
  flag.set_group(group_);
  return flag;
}

std::string Command::usage() const {
  std::string text = "whet " + name_;
  for (const Flag& flag : flags_) {
    if (flag.operand().empty()) continue;
    const std::string dots = flag.repeats() ? "..." : "";
    text += flag.is_required() ? fmt::format(" {}{}", flag.operand(), dots)
                               : fmt::format(" [{}{}]", flag.operand(), dots);
  }
  return text + " [flags]";
}

/// One pass over the arguments, from left to right.
class Command::Parser {
 public:
  Parser(Command& command, const std::vector<std::string>& arguments)
      : command_(command), arguments_(arguments) {}

  Result<Parsed> parse() {
    bool only_operands = false;
    while (next_ < arguments_.size() && !parsed_.help) {
      const std::string& argument = arguments_[next_++];
      if (only_operands || argument.size() < 2 || argument[0] != '-') {
        operands_.push_back(argument);
      } else if (argument == "--") {
        only_operands = true;
      } else {
        WHET_TRY_STATUS(take_flag(argument));
      }
    }
    if (parsed_.help) return parsed_;
    WHET_TRY_STATUS(take_operands());
    return parsed_;
  }

 private:
  Flag* find(std::string_view name) {
    for (Flag& flag : command_.flags_) {
      if (flag.has_name(name)) return &flag;
    }
    return nullptr;
  }

  Status take_flag(const std::string& argument) {
    if (argument == "-h" || argument == "--help") {
      parsed_.help = true;
      return ok_status();
    }
    if (Flag* flag = find(argument)) {
      if (!flag->takes_value()) return flag->set(argument, "");
      if (!flag->value_alone().empty()) {
        const bool given = next_ < arguments_.size() && flag->has_choice(arguments_[next_]);
        return flag->set(argument, given ? arguments_[next_++] : flag->value_alone());
      }
      if (next_ == arguments_.size()) {
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("{}: expected a value, found the end of the line", argument));
      }
      return flag->set(argument, arguments_[next_++]);
    }
    if (const size_t equals = argument.find('='); equals != std::string::npos) {
      const std::string name = argument.substr(0, equals);
      if (Flag* flag = find(name); flag != nullptr && flag->takes_value())
        return flag->set(name, argument.substr(equals + 1));
    }
    // "-n5". Only digits: "-ngl" is a flag of llama.cpp, and "gl" no number of tokens.
    if (Flag* flag = find(argument.substr(0, 2)); flag != nullptr && flag->takes_value()) {
      const std::string value = argument.substr(2);
      if (value.find_first_not_of("0123456789.") == std::string::npos)
        return flag->set(argument.substr(0, 2), value);
    }
    return take_foreign(argument);
  }

  /// A flag that people know from llama.cpp, or an unknown one.
  Status take_foreign(const std::string& argument) {
    if (const ForeignFlag* foreign = find_foreign_flag(argument)) {
      if (!foreign->ignored) {
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("{}: {}", argument, foreign->explanation));
      }
      if (foreign->takes_value && next_ < arguments_.size()) ++next_;
      parsed_.notes.push_back(fmt::format("{}: {}", argument, foreign->explanation));
      return ok_status();
    }
    std::vector<std::string> known{"--help"};
    for (const Flag& flag : command_.flags_)
      known.insert(known.end(), flag.names().begin(), flag.names().end());
    const auto nearest = nearest_name(argument.substr(0, argument.find('=')), known);
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{} is not a flag of whet {}{}; \"whet {} --help\" lists them", argument,
                    command_.name_, nearest ? fmt::format(" (did you mean {}?)", *nearest) : "",
                    command_.name_));
  }

  Status take_operands() {
    size_t next = 0;
    for (Flag& flag : command_.flags_) {
      if (flag.operand().empty() || flag.given()) continue;
      const size_t n = flag.repeats() ? operands_.size() - next : 1;
      for (size_t i = 0; i < n && next < operands_.size(); ++i)
        WHET_TRY_STATUS(flag.set(flag.operand(), operands_[next++]));
    }
    if (next < operands_.size()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("expected {}, found \"{}\" behind it",
                                                            command_.usage(), operands_[next]));
    }
    for (const Flag& flag : command_.flags_) {
      if (!flag.is_required() || flag.given()) continue;
      const std::string how =
          flag.names().empty()
              ? ""
              : fmt::format(" (or {} {})", flag.names().front(), flag.shown_value());
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("expected {}, found no {}{}", command_.usage(), flag.shown_value(), how));
    }
    return ok_status();
  }

  Command& command_;
  const std::vector<std::string>& arguments_;
  size_t next_ = 0;
  std::vector<std::string> operands_;
  Parsed parsed_;
};

Result<Command::Parsed> Command::parse(const std::vector<std::string>& arguments) {
  return Parser(*this, arguments).parse();
}

}  // namespace whet
