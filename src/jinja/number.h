// Numbers as Python reads, writes and rounds them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace whet::jinja {

/// repr(float): the shortest text that reads back as the same number.
std::string print_real(double number);
/// int(text, base): surrounding whitespace, a sign, underscores; base 0 takes the prefix's. Nullopt
/// if it is no such number or does not fit 64 bits.
std::optional<int64_t> parse_integer(std::string_view text, int64_t base = 10);
/// float(text), including "inf" and "nan".
std::optional<double> parse_real(std::string_view text);
/// round(number, digits): half to even on the exact binary value.
double round_real(double number, int64_t digits);
/// The integer part, if it fits 64 bits.
std::optional<int64_t> truncate_real(double number);

}  // namespace whet::jinja
