#include "cli/flag.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

namespace whet {
namespace {

Error expected(std::string_view name, std::string_view what, std::string_view found) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: expected {}, found \"{}\"", name, what, found));
}

template <typename T>
bool read_number(const std::string& text, T& value) {
  const char* end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

std::string value_of(const FlagTarget& target) {
  if (auto* text = std::get_if<std::string*>(&target)) return **text;
  if (auto* number = std::get_if<int*>(&target)) return fmt::format("{}", **number);
  if (auto* number = std::get_if<int64_t*>(&target)) return fmt::format("{}", **number);
  if (auto* number = std::get_if<uint64_t*>(&target)) return fmt::format("{}", **number);
  if (auto* number = std::get_if<double*>(&target)) return fmt::format("{}", **number);
  return "";
}

std::string kind_of(const FlagTarget& target) {
  if (std::holds_alternative<bool*>(target)) return "";
  if (std::holds_alternative<double*>(target) ||
      std::holds_alternative<std::optional<double>*>(target))
    return "X";
  const bool text = std::holds_alternative<std::string*>(target) ||
                    std::holds_alternative<std::optional<std::string>*>(target) ||
                    std::holds_alternative<std::vector<std::string>*>(target);
  return text ? "TEXT" : "N";
}

/// Only a text may: the empty name of a file or a model is a variable that was not set.
bool may_be_empty(const Flag& flag) {
  return !flag.takes_value() || flag.shown_value() == "TEXT" || flag.shown_value() == "PROMPT";
}

}  // namespace

Flag::Flag(std::string_view names, FlagTarget target, std::string help)
    : help_(std::move(help)), target_(std::move(target)) {
  while (true) {
    const size_t comma = names.find(',');
    std::string name(names.substr(0, comma));
    (name.starts_with('-') ? names_.emplace_back() : operand_) = std::move(name);
    if (comma == std::string_view::npos) break;
    names.remove_prefix(comma + 1);
  }
  default_ = value_of(target_);
  value_name_ = operand_.empty() ? kind_of(target_) : operand_;
}

Flag& Flag::required() {
  required_ = true;
  return *this;
}
Flag& Flag::at_least(double low) {
  low_ = low;
  return *this;
}
Flag& Flag::between(double low, double high) {
  low_ = low;
  high_ = high;
  return *this;
}
Flag& Flag::one_of(std::vector<std::string> choices) {
  choices_ = std::move(choices);
  return *this;
}
Flag& Flag::any_case() {
  any_case_ = true;
  return *this;
}
Flag& Flag::value_name(std::string name) {
  value_name_ = std::move(name);
  return *this;
}
Flag& Flag::default_text(std::string text) {
  default_ = std::move(text);
  return *this;
}
Flag& Flag::repeated() {
  repeated_ = true;
  return *this;
}
Flag& Flag::joined() {
  joined_ = true;
  return *this;
}
Flag& Flag::alone(std::string value) {
  alone_ = std::move(value);
  return *this;
}

bool Flag::has_choice(std::string_view text) const {
  return std::find(choices_.begin(), choices_.end(), text) != choices_.end();
}

bool Flag::has_name(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), name) != names_.end();
}

std::string Flag::range_text() const {
  if (low_ && high_) return fmt::format(" from {} to {}", *low_, *high_);
  return low_ ? fmt::format(", {} or more", *low_) : "";
}

Status Flag::store_integer(std::string_view name, const std::string& text) {
  const auto refused = [&] { return expected(name, "a whole number" + range_text(), text); };
  const auto is_outside = [&](auto value) {
    const auto number = static_cast<double>(value);
    return (low_ && number < *low_) || (high_ && number > *high_);
  };
  auto* natural = std::get_if<uint64_t*>(&target_);
  auto* optional = std::get_if<std::optional<uint64_t>*>(&target_);
  if (natural != nullptr || optional != nullptr) {
    uint64_t value = 0;
    if (!read_number(text, value) || is_outside(value)) return refused();
    (natural != nullptr ? **natural : (*optional)->emplace()) = value;
    return ok_status();
  }
  int64_t value = 0;
  if (!read_number(text, value) || is_outside(value)) return refused();
  if (auto* wide = std::get_if<int64_t*>(&target_)) {
    **wide = value;
    return ok_status();
  }
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max())
    return refused();
  *std::get<int*>(target_) = static_cast<int>(value);
  return ok_status();
}

Status Flag::store_number(std::string_view name, const std::string& text) {
  double value = 0;
  if (!read_number(text, value) || !std::isfinite(value) || (low_ && value < *low_) ||
      (high_ && value > *high_)) {
    return expected(name, "a number" + range_text(), text);
  }
  if (auto* target = std::get_if<double*>(&target_)) {
    **target = value;
  } else {
    **std::get_if<std::optional<double>*>(&target_) = value;
  }
  return ok_status();
}

Status Flag::store(std::string_view name, const std::string& text) {
  if (!choices_.empty() && !has_choice(text))
    return expected(name, fmt::format("one of {}", fmt::join(choices_, ", ")), text);
  if (auto* flag = std::get_if<bool*>(&target_)) {
    **flag = true;
  } else if (auto* reader = std::get_if<ValueReader>(&target_)) {
    if (Status read = (*reader)(text); !read.ok()) return read.error().with_context(name);
  } else if (auto* list = std::get_if<std::vector<std::string>*>(&target_)) {
    (*list)->push_back(text);
  } else if (auto* optional = std::get_if<std::optional<std::string>*>(&target_)) {
    **optional = text;
  } else if (auto* target = std::get_if<std::string*>(&target_)) {
    **target = joined_ && given_ ? **target + "," + text : text;
  } else if (kind_of(target_) == "X") {
    return store_number(name, text);
  } else {
    return store_integer(name, text);
  }
  return ok_status();
}

Status Flag::set(std::string_view name, const std::string& given) {
  std::string text = given;
  if (any_case_) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  }
  if (given_ && takes_value() && !repeats() && !joined_) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: expected once, found again with \"{}\"", name, text));
  }
  if (text.empty() && !may_be_empty(*this)) return expected(name, "at least one character", text);
  WHET_TRY_STATUS(store(name, text));
  given_ = true;
  return ok_status();
}

}  // namespace whet
