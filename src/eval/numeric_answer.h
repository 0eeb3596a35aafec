// The number that a piece of text gives as its answer, or that it gives none, or more than one.
#pragma once

#include <string_view>

#include "eval/number.h"

namespace whet::eval {

enum class Clarity {
  kClear,      // one number
  kGuess,      // a sentence whose last number is probably meant
  kAbsent,     // no number at all
  kAmbiguous,  // several numbers, or an expression: "5 or 6", "12:30", "x = 5, y = 6", "3 + 4"
};

struct NumericAnswer {
  Clarity clarity = Clarity::kAbsent;
  Number number;  // kClear and kGuess
};

/// The answer in the value of a mark (what stands behind "Answer:"), in plain notation: the whole
/// value, a number with a unit, the side of "=" that is a number, what follows the last "is".
NumericAnswer read_value(std::string_view plain);

/// Whether the first number of `plain` stands before any word.
bool leads_with_number(std::string_view plain);

/// The answer in running text without a mark, in plain notation: its last number, unless that is
/// one of several joined by "or", "and", "to", ":" and the like.
NumericAnswer read_last_number(std::string_view plain);

}  // namespace whet::eval
