#include "grammar/decimal.h"

#include <cstdlib>

namespace whet::grammar {

Decimal decimal_of(const Json& number) {
  std::string text = number.dump();
  Decimal result;
  if (text.starts_with('-')) {
    result.negative = true;
    text.erase(0, 1);
  }
  long exponent = 0;
  if (const size_t e = text.find_first_of("eE"); e != text.npos) {
    exponent = std::strtol(text.c_str() + e + 1, nullptr, 10);
    text.erase(e);
  }
  const size_t point = text.find('.');
  std::string digits = text.substr(0, point);
  auto n_whole = static_cast<long>(digits.size());
  if (point != text.npos) digits += text.substr(point + 1);
  n_whole += exponent;
  if (n_whole <= 0) {
    digits.insert(0, static_cast<size_t>(1 - n_whole), '0');
    n_whole = 1;
  }
  if (static_cast<size_t>(n_whole) > digits.size())
    digits.resize(static_cast<size_t>(n_whole), '0');
  result.whole = digits.substr(0, static_cast<size_t>(n_whole));
  result.fraction = digits.substr(static_cast<size_t>(n_whole));
  result.whole.erase(0, std::min(result.whole.find_first_not_of('0'), result.whole.size() - 1));
  while (result.fraction.ends_with('0')) result.fraction.pop_back();
  if (result.is_zero()) result.negative = false;
  return result;
}

}  // namespace whet::grammar
