// Flag: one flag or operand of a command, where its value goes and which values it takes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace whet {

/// Reads a value of a form of its own; the error says what was expected.
using ValueReader = std::function<Status(const std::string&)>;
/// A bool is set by the bare flag, a vector takes every repetition, all others take one value.
using FlagTarget = std::variant<bool*, std::string*, int*, int64_t*, uint64_t*, double*,
                                std::optional<std::string>*, std::optional<uint64_t>*,
                                std::optional<double>*, std::vector<std::string>*, ValueReader>;

class Flag {
 public:
  /// `names`: "-n,--predict"; an operand has a name in capitals, "MODEL", alone or before others.
  Flag(std::string_view names, FlagTarget target, std::string help);

  Flag& required();
  /// Bounds of a number, both included.
  Flag& at_least(double low);
  Flag& between(double low, double high);
  Flag& one_of(std::vector<std::string> choices);
  /// Values are read in any case and stored in lower case.
  Flag& any_case();
  /// What stands for the value in the help; by default N, X, FILE ... by the kind of the target.
  Flag& value_name(std::string name);
  /// What the help shows as the default, instead of the target's value.
  Flag& default_text(std::string text);
  /// Takes every repetition: for a ValueReader that adds up.
  Flag& repeated();
  /// Repetitions of a text are joined by commas: the flag is a list.
  Flag& joined();
  /// What the flag means where none of its choices follows it: "--repack" is "--repack on".
  Flag& alone(std::string value);

  const std::vector<std::string>& names() const { return names_; }
  const std::string& operand() const { return operand_; }
  const std::string& help() const { return help_; }
  const std::string& group() const { return group_; }
  const std::string& shown_value() const { return value_name_; }
  const std::string& shown_default() const { return default_; }
  const std::vector<std::string>& choices() const { return choices_; }
  bool has_choice(std::string_view text) const;
  /// Empty where a value must follow.
  const std::string& value_alone() const { return alone_; }
  /// "-m", or "MODEL" of an operand without a flag.
  const std::string& first_name() const { return names_.empty() ? operand_ : names_.front(); }
  bool has_name(std::string_view name) const;
  bool takes_value() const { return !std::holds_alternative<bool*>(target_); }
  bool repeats() const {
    return repeated_ || std::holds_alternative<std::vector<std::string>*>(target_);
  }
  bool is_required() const { return required_; }
  bool given() const { return given_; }

  void set_group(std::string group) { group_ = std::move(group); }
  /// Stores a value, written as `name`. Errors: not of the target's kind, out of range, not one of
  /// the choices, given twice.
  Status set(std::string_view name, const std::string& given);

 private:
  Status store(std::string_view name, const std::string& text);
  Status store_integer(std::string_view name, const std::string& text);
  Status store_number(std::string_view name, const std::string& text);
  std::string range_text() const;

  std::vector<std::string> names_;
  std::string operand_, help_, group_, value_name_, default_, alone_;
  FlagTarget target_;
  std::optional<double> low_, high_;
  std::vector<std::string> choices_;
  bool any_case_ = false, required_ = false, repeated_ = false, joined_ = false, given_ = false;
};

}  // namespace whet
