// Plain notation: the same text with digits, signs and spaces of other scripts and widths as ASCII,
// and without the LaTeX that surrounds a value. What it says does not change.
#pragma once

#include <string>
#include <string_view>

namespace whet::eval {

/// Decimal digits of every script, full-width forms, minus signs and dashes of numbers, typographic
/// spaces, currency signs ("$") and vulgar fractions become ASCII; superscripts after a digit
/// become
/// "^n". Of LaTeX, thin spaces, "{,}", math delimiters, \left, \right, \text{...} and its kin go;
/// \dfrac becomes \frac, \times and \cdot become "*". Anything else, invalid UTF-8 too, is kept.
std::string plain_notation(std::string_view text);

}  // namespace whet::eval
