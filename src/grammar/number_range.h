// Numbers between bounds, written digit by digit.
#pragma once

#include <optional>

#include "grammar/decimal.h"
#include "grammar/rule_set.h"

namespace whet::grammar {

struct Bound {
  Decimal value;
  bool exclusive = false;
};

struct NumberRange {
  std::optional<Bound> low, high;
  bool integer = false;
};

/// Digits before the point that a number without a bound may have: all 64-bit and no infinite ones.
inline constexpr size_t kMaxWholeDigits = 18;

/// JSON numbers without an exponent that lie in the range, exactly. Fractions end where 15 digits
/// do, so that reading them as doubles keeps their order. None if no number does. At least one
/// bound must be given; bounds of more than 40 digits are not accepted.
std::optional<ExprId> add_number_range(RuleSet& rules, const NumberRange& range);

}  // namespace whet::grammar
