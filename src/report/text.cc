#include "report/text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace whet::report {
namespace {

/// Calls `visit(code point, its bytes)`; an invalid byte is visited as U+FFFD.
template <typename Visit>
void for_each_code_point(std::string_view text, Visit visit) {
  while (!text.empty()) {
    utf8proc_int32_t code_point = -1;
    const auto n = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                    static_cast<utf8proc_ssize_t>(text.size()), &code_point);
    if (n <= 0) {
      visit(0xFFFD, std::string_view("\uFFFD"));
      text.remove_prefix(1);
    } else {
      visit(code_point, text.substr(0, static_cast<size_t>(n)));
      text.remove_prefix(static_cast<size_t>(n));
    }
  }
}

/// Control, format (bidi overrides, zero-width), line and paragraph separators, private,
/// unassigned.
bool is_unprintable(utf8proc_int32_t code_point) {
  switch (utf8proc_category(code_point)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CN:
      return true;
    default:
      return false;
  }
}

std::string cleaned(std::string_view text, bool keep_lines) {
  std::string result;
  result.reserve(text.size());
  for_each_code_point(text, [&](utf8proc_int32_t code_point, std::string_view bytes) {
    if (keep_lines && (code_point == '\n' || code_point == '\t')) {
      result += bytes;
    } else if (is_unprintable(code_point)) {
      result += ' ';
    } else {
      result += bytes;
    }
  });
  return result;
}

std::string with_sign(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  if (text.find_first_not_of("0.") == std::string::npos) return text;
  return (value < 0 ? "\u2212" : "+") + text;
}

int ratio_decimals(double value) {
  return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

}  // namespace

std::string one_line(std::string_view text) {
  return cleaned(text, false);
}

std::string printable(std::string_view text) {
  return cleaned(text, true);
}

int display_width(std::string_view text) {
  int width = 0;
  for_each_code_point(text, [&](utf8proc_int32_t code_point, std::string_view) {
    width += utf8proc_charwidth(code_point);
  });
  return width;
}

std::string truncate(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  std::string result;
  int used = 0;
  bool full = false;
  for_each_code_point(text, [&](utf8proc_int32_t code_point, std::string_view bytes) {
    const int w = utf8proc_charwidth(code_point);
    if (full || used + w > width - 1) {
      full = true;
      return;
    }
    used += w;
    result += bytes;
  });
  return width > 0 ? result + "\u2026" : result;
}

std::string truncate_name(std::string_view name, int width) {
  if (display_width(name) <= width) return std::string(name);
  const int tail_width = std::max(width - 1, 0) / 2;
  const auto continues = [&](size_t i) {  // a code point that began before
    return (static_cast<unsigned char>(name[i]) & 0xC0) == 0x80;
  };
  size_t tail = 0;
  while (tail < name.size() && (continues(tail) || display_width(name.substr(tail)) > tail_width)) {
    ++tail;
  }
  return truncate(name, width - tail_width) + std::string(name.substr(tail));
}

namespace {

constexpr int kLeastHead = 6;  // columns that a name's beginning keeps

/// Where the option begins, or in a name without options the letter, in which names of one short
/// form differ; 0 if they are equal.
size_t first_difference(const std::vector<std::string>& names) {
  size_t same = names.front().size();
  for (const std::string& name : names) {
    const auto at =
        std::mismatch(name.begin(), name.end(), names.front().begin(), names.front().end());
    same = std::min(same, static_cast<size_t>(at.first - name.begin()));
  }
  const std::string& front = names.front();
  if (std::ranges::all_of(names, [&](const std::string& name) { return name == front; })) return 0;
  const size_t separator = front.substr(0, same).find_last_of(":,/&|");
  if (separator != std::string::npos) return separator + 1;
  while (same > 0 && same < front.size() &&
         (static_cast<unsigned char>(front[same]) & 0xC0) == 0x80)
    --same;
  return same;
}

}  // namespace

std::vector<std::string> truncate_names(const std::vector<std::string>& names, int width) {
  std::map<std::string, std::vector<std::string>> of_short;
  for (const std::string& name : names) of_short[truncate_name(name, width)].push_back(name);
  std::vector<std::string> result;
  for (const std::string& name : names) {
    std::string cut = truncate_name(name, width);
    if (const auto& alike = of_short[cut]; alike.size() > 1) {
      const size_t at = first_difference(alike);
      const std::string tail = truncate(name.substr(at), width - kLeastHead - 1);
      if (at > 0 && width > 2 * kLeastHead)
        cut = truncate(name, width - display_width(tail)) + tail;
    }
    result.push_back(std::move(cut));
  }
  return result;
}

std::string wrapped(const std::string& text, const std::string& first, const std::string& next,
                    int width) {
  std::string result = first;
  int used = display_width(first);
  bool line_is_empty = true;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    const int w = display_width(word);
    if (!line_is_empty && used + 1 + w > width) {
      result += "\n" + next;
      used = display_width(next);
      line_is_empty = true;
    }
    result += line_is_empty ? word : " " + word;
    used += w + (line_is_empty ? 0 : 1);
    line_is_empty = false;
  }
  return result + "\n";
}

std::string rule(int width) {
  std::string line;
  for (int i = 0; i < width; ++i) line += "\u2500";
  return line;
}

std::string pad_right(std::string_view text, int width) {
  return std::string(text) +
         std::string(static_cast<size_t>(std::max(0, width - display_width(text))), ' ');
}

std::string pad_left(std::string_view text, int width) {
  return std::string(static_cast<size_t>(std::max(0, width - display_width(text))), ' ') +
         std::string(text);
}

std::string format_accuracy(const std::optional<stats::Estimate>& estimate) {
  if (!estimate) return std::string(kMissing);
  if (!estimate->interval) return fmt::format("{:.2f}", estimate->value);
  return fmt::format("{:.2f} [{:.2f}, {:.2f}]", estimate->value, estimate->interval->low,
                     estimate->interval->high);
}

std::string format_difference(const std::optional<stats::Estimate>& estimate) {
  if (!estimate) return std::string(kMissing);
  const auto hides_sign = [](double x) { return x != 0 && std::abs(x) < 0.005; };
  const bool is_fine =
      hides_sign(estimate->value) || (estimate->interval && (hides_sign(estimate->interval->low) ||
                                                             hides_sign(estimate->interval->high)));
  const int decimals = is_fine ? 3 : 2;
  if (!estimate->interval) return with_sign(estimate->value, decimals);
  return fmt::format("{} [{}, {}]", with_sign(estimate->value, decimals),
                     with_sign(estimate->interval->low, decimals),
                     with_sign(estimate->interval->high, decimals));
}

std::string format_ratio(const std::optional<stats::Estimate>& estimate, bool with_interval) {
  if (!estimate) return std::string(kMissing);
  const int decimals = ratio_decimals(estimate->value);
  std::string text = fmt::format("{:.{}f}\u00d7", estimate->value, decimals);
  if (with_interval && estimate->interval) {
    text += fmt::format(" [{:.{}f}, {:.{}f}]", estimate->interval->low, decimals,
                        estimate->interval->high, decimals);
  }
  return text;
}

std::string format_number(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return std::string(kMissing);
  const double size = std::abs(*value);
  if (size == 0) return "0";
  if (size < 1e-3) return fmt::format("{:.2g}", *value);
  const int decimals = size < 0.9995 ? 3 : size < 9.995 ? 2 : size < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}", *value, decimals);
}

std::string format_duration_s(std::optional<double> seconds) {
  if (!seconds || !std::isfinite(*seconds)) return std::string(kMissing);
  if (*seconds < 119.5) return format_number(seconds) + " s";
  const int64_t whole = std::llround(*seconds);
  if (whole < 7200) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string format_bytes(std::optional<int64_t> bytes) {
  if (!bytes) return std::string(kMissing);
  if (*bytes < 1024) return fmt::format("{} B", *bytes);
  double value = static_cast<double>(*bytes);
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (value < 1023.5) break;
    value /= 1024;
    unit = next;
  }
  return fmt::format("{} {}", format_number(value), unit);
}

std::string format_count(std::optional<int64_t> count) {
  if (!count) return std::string(kMissing);
  std::string digits = std::to_string(*count);
  const size_t first = digits.front() == '-' ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string shell_quote(std::string_view word) {
  const bool bare = !word.empty() && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./=:,+@%").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (bare) return std::string(word);
  std::string quoted = "'";
  for (char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

}  // namespace whet::report
