// Decimal: an exact decimal number, for bounds that a grammar writes digit by digit.
#pragma once

#include <string>

#include "grammar/json_text.h"

namespace whet::grammar {

struct Decimal {
  bool negative = false;  // never for zero
  std::string whole;      // "0", or digits without a leading zero
  std::string fraction;   // digits without a trailing zero

  bool is_zero() const { return whole == "0" && fraction.empty(); }
  Decimal negated() const { return {!negative && !is_zero(), whole, fraction}; }
};

/// Of a JSON number, as JSON writes it (the shortest decimal of a double).
Decimal decimal_of(const Json& number);

}  // namespace whet::grammar
