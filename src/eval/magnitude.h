// Numbers without a sign as people write them: decimals with their groups, exponents, fractions.
#pragma once

#include <optional>
#include <string_view>

#include "base/ascii.h"
#include "eval/rational.h"

namespace whet::eval {

struct Scan {
  std::optional<Number> number;  // nothing: read to `end`, but no single number
  size_t end;
};

inline char at_or_nul(std::string_view text, size_t at) {
  return at < text.size() ? text[at] : '\0';
}

inline bool starts_with_digit(std::string_view text, size_t at) {
  return is_digit(at_or_nul(text, at));
}

inline size_t skip_spaces(std::string_view text, size_t at) {
  while (at_or_nul(text, at) == ' ') ++at;
  return at;
}

inline constexpr std::string_view kFrac = "\\frac";

/// \frac at `at`; nothing if no \frac of two numbers stands there.
std::optional<Scan> scan_latex_fraction(std::string_view text, size_t at);

/// A decimal, also times a power of ten, a fraction or a mixed number at `at`, where a digit, a
/// point before one, or a \frac of two numbers stands.
Scan scan_magnitude(std::string_view text, size_t at);

}  // namespace whet::eval
