#include "strategy/option_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "eval/answer.h"

namespace whet::strategy {
namespace {

Error invalid(std::string message) {
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

template <typename T>
std::optional<T> parsed(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<OptionReader> OptionReader::parse(std::string_view spec) {
  OptionReader reader;
  const size_t colon = spec.find(':');
  reader.strategy_ = eval::trimmed(spec.substr(0, colon));
  // optillm spells its slugs with underscores.
  std::replace(reader.strategy_.begin(), reader.strategy_.end(), '_', '-');
  if (colon == std::string_view::npos) return reader;
  std::string_view rest = spec.substr(colon + 1);
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    const size_t equals = pair.find('=');
    const std::string key(eval::trimmed(pair.substr(0, equals)));
    if (equals == std::string_view::npos || key.empty()) {
      return invalid(fmt::format("strategy \"{}\": expected key=value, found \"{}\"", spec, pair));
    }
    const std::string value(eval::trimmed(pair.substr(equals + 1)));
    if (!reader.given_.emplace(key, value).second) {
      return invalid(fmt::format("strategy \"{}\": option {} is given twice", spec, key));
    }
  }
  return reader;
}

std::optional<std::string> OptionReader::take(const std::string& key) {
  known_.push_back(key);
  const auto found = given_.find(key);
  if (found == given_.end()) return std::nullopt;
  return found->second;
}

void OptionReader::record(const std::string& key, const std::string& value,
                          const std::string& standard) {
  options_.emplace_back(key, value);
  if (value != standard) changed_.emplace_back(key, value);
}

void OptionReader::fail(const std::string& key, const std::string& expected,
                        const std::string& found) {
  if (error_) return;
  error_ = invalid(
      fmt::format("strategy {}: {}: expected {}, found \"{}\"", strategy_, key, expected, found));
}

int64_t OptionReader::integer(const std::string& key, int64_t standard, int64_t low, int64_t high) {
  int64_t value = standard;
  if (const auto text = take(key)) {
    const auto number = parsed<int64_t>(*text);
    if (!number || *number < low || *number > high) {
      fail(key, fmt::format("an integer from {} to {}", low, high), *text);
      return standard;
    }
    value = *number;
  }
  record(key, std::to_string(value), std::to_string(standard));
  return value;
}

double OptionReader::number(const std::string& key, double standard, double low, double high) {
  double value = standard;
  if (const auto text = take(key)) {
    const auto number = parsed<double>(*text);
    if (!number || !(*number >= low && *number <= high)) {
      fail(key, fmt::format("a number from {} to {}", low, high), *text);
      return standard;
    }
    value = *number;
  }
  record(key, fmt::format("{}", value), fmt::format("{}", standard));
  return value;
}

std::string OptionReader::word(const std::string& key, const std::string& standard,
                               const std::vector<std::string>& known) {
  const std::string value = take(key).value_or(standard);
  if (std::find(known.begin(), known.end(), value) == known.end()) {
    fail(key, fmt::format("one of {}", fmt::join(known, ", ")), value);
    return standard;
  }
  record(key, value, standard);
  return value;
}

std::optional<double> OptionReader::temperature(const std::string& key,
                                                std::optional<double> standard) {
  const auto spelt = [](const std::optional<double>& value) {
    return value ? fmt::format("{}", *value) : std::string("run");
  };
  std::optional<double> value = standard;
  if (const auto text = take(key)) {
    value = *text == "run" ? std::nullopt : parsed<double>(*text);
    if (*text != "run" && (!value || !(*value >= 0 && *value <= 5))) {
      fail(key, "a temperature from 0 to 5, or run", *text);
      return standard;
    }
  }
  record(key, spelt(value), spelt(standard));
  return value;
}

Status OptionReader::finish() const {
  if (error_) return *error_;
  for (const auto& [key, value] : given_) {
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    return invalid(
        fmt::format("strategy {}: unknown option {}; it has {}", strategy_, key,
                    known_.empty() ? "none" : fmt::format("{}", fmt::join(known_, ", "))));
  }
  return ok_status();
}

std::string OptionReader::name(std::string_view slug) const {
  std::string name(slug);
  for (size_t i = 0; i < changed_.size(); ++i) {
    name += fmt::format("{}{}={}", i == 0 ? ":" : ",", changed_[i].first, changed_[i].second);
  }
  return name;
}

}  // namespace whet::strategy
