// Regex: one compiled pattern. Searching costs bounded time: a pattern that backtracks without end
// on some text gives an error, never a hang.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace whet {

struct RegexMatch {
  size_t begin;
  size_t end;
};

class Regex {
 public:
  /// 1 MB takes under 0.1 s with the patterns in use.
  static constexpr int64_t kTimeLimitNs = 20'000'000'000;

  /// Compiles a pattern written for Oniguruma, with the classes of Unicode 16; see regex_dialect.h.
  static Result<Regex> compile(std::string_view pattern);
  /// A pattern that matches exactly this text.
  static Result<Regex> literal(std::string_view text);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  /// Appends all matches, left to right, not overlapping; empty matches too, but not at the end of
  /// the match before. `text` must be valid UTF-8. Threads: safe.
  /// Errors: more backtracking than any sane text needs, or more time than the limit.
  Status find_all(std::string_view text, std::vector<RegexMatch>& matches,
                  int64_t time_limit_ns = kTimeLimitNs) const;

 private:
  struct Code;
  explicit Regex(std::unique_ptr<Code> code);
  static Result<Regex> compile_pcre2(const std::string& pattern, std::string_view shown);

  std::unique_ptr<Code> code_;
};

}  // namespace whet
