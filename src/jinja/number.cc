#include "jinja/number.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "jinja/unicode.h"

namespace whet::jinja {
namespace {

/// Drops single underscores between digits; nullopt where one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  auto is_alnum = [](char c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || i + 1 == text.size() || !is_alnum(text[i - 1]) || !is_alnum(text[i + 1])) {
      return std::nullopt;
    }
  }
  return out;
}

int64_t prefix_base(std::string_view digits) {
  if (digits.size() < 2 || digits[0] != '0') return 10;
  const char letter = static_cast<char>(digits[1] | 0x20);
  return letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
}

}  // namespace

std::string print_real(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::scientific);
  std::string_view scientific(buffer, static_cast<size_t>(end.ptr - buffer));

  const bool negative = scientific[0] == '-';
  if (negative) scientific.remove_prefix(1);
  const size_t e = scientific.find('e');
  int exponent = 0;
  const char* first = scientific.data() + e + (scientific[e + 1] == '+' ? 2 : 1);
  std::from_chars(first, scientific.data() + scientific.size(), exponent);
  std::string digits;
  for (char c : scientific.substr(0, e)) {
    if (c != '.') digits += c;
  }

  std::string out = negative ? "-" : "";
  const int n_digits = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (n_digits > 1) out += "." + digits.substr(1);
    out += fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  } else if (exponent < 0) {
    out += "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  } else if (n_digits <= exponent + 1) {
    out += digits + std::string(static_cast<size_t>(exponent + 1 - n_digits), '0') + ".0";
  } else {
    const auto point = static_cast<size_t>(exponent + 1);
    out += digits.substr(0, point) + "." + digits.substr(point);
  }
  return out;
}

std::optional<int64_t> parse_integer(std::string_view text, int64_t base) {
  text = strip_space(text, true, true);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto digits = without_underscores(text);
  if (!digits || (base != 0 && (base < 2 || base > 36))) return std::nullopt;
  std::string_view body = *digits;
  const int64_t prefix = prefix_base(body);
  if (prefix != 10 && (base == prefix || base == 0)) body.remove_prefix(2);
  if (base == 0) base = prefix;

  uint64_t magnitude = 0;
  const auto end =
      std::from_chars(body.data(), body.data() + body.size(), magnitude, static_cast<int>(base));
  if (end.ec != std::errc{} || end.ptr != body.data() + body.size()) return std::nullopt;
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (magnitude > kMax + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<int64_t>(negative ? 0 - magnitude : magnitude);
}

std::optional<double> parse_real(std::string_view text) {
  text = strip_space(text, true, true);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const auto digits = without_underscores(text);
  if (!digits || digits->starts_with('-') || digits->starts_with('+')) return std::nullopt;
  if (digits->find('(') != std::string::npos)
    return std::nullopt;  // "nan(...)" is C's, not Python's
  double magnitude = 0;
  const char* last = digits->data() + digits->size();
  const auto end = std::from_chars(digits->data(), last, magnitude);
  if (end.ptr != last || end.ec == std::errc::invalid_argument) return std::nullopt;
  if (end.ec == std::errc::result_out_of_range) {
    const size_t e = digits->find_first_of("eE");
    const bool tiny = e != std::string::npos && digits->substr(e + 1).starts_with('-');
    magnitude = tiny ? 0.0 : std::numeric_limits<double>::infinity();
  }
  return negative ? -magnitude : magnitude;
}

double round_real(double number, int64_t digits) {
  if (!std::isfinite(number) || digits > 323) return number;
  if (digits < -308) return std::copysign(0.0, number);
  if (digits < 0) {
    const double scale = std::pow(10.0, static_cast<double>(-digits));
    return std::nearbyint(number / scale) * scale;
  }
  const auto rounded = parse_real(fmt::format("{:.{}f}", number, digits));
  return rounded.value_or(number);
}

std::optional<int64_t> truncate_real(double number) {
  if (!(number > -0x1p63 - 1024 && number < 0x1p63)) return std::nullopt;
  return static_cast<int64_t>(number);
}

}  // namespace whet::jinja
