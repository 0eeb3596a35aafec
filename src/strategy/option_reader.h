// Options of a strategy: "name:key=value,key=value", read with defaults and ranges, all errors
// naming the option, what was expected and what was found.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "strategy/strategy.h"

namespace whet::strategy {

class OptionReader {
 public:
  /// Errors: a pair without "=", an empty or repeated key.
  static Result<OptionReader> parse(std::string_view spec);

  const std::string& strategy() const { return strategy_; }

  int64_t integer(const std::string& key, int64_t standard, int64_t low, int64_t high);
  double number(const std::string& key, double standard, double low, double high);
  /// 0 or 1.
  bool flag(const std::string& key, bool standard) { return integer(key, standard, 0, 1) == 1; }
  /// One of a few words.
  std::string word(const std::string& key, const std::string& standard,
                   const std::vector<std::string>& known);
  /// A temperature; "run" (the standard if `standard` is none) means the run's own.
  std::optional<double> temperature(const std::string& key, std::optional<double> standard);

  /// The first error of the calls above, or an option that none of them asked for.
  Status finish() const;
  const Options& options() const { return options_; }
  /// The strategy's slug and the options that differ from their defaults.
  std::string name(std::string_view slug) const;

 private:
  std::optional<std::string> take(const std::string& key);
  void record(const std::string& key, const std::string& value, const std::string& standard);
  void fail(const std::string& key, const std::string& expected, const std::string& found);

  std::string strategy_;
  std::map<std::string, std::string> given_;
  std::vector<std::string> known_;
  Options options_;
  Options changed_;
  std::optional<Error> error_;
};

}  // namespace whet::strategy
