// How numbers and untrusted strings become text, the same in every renderer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stats/estimate.h"

namespace whet::report {

inline constexpr std::string_view kMissing = "\u2013";  // en dash

/// `text` as valid UTF-8 on one line: control characters (also C1, bidi and other format
/// characters) become spaces, invalid bytes U+FFFD.
std::string one_line(std::string_view text);
/// The same, but newlines and tabs stay.
std::string printable(std::string_view text);

/// Terminal columns that valid UTF-8 text takes: 2 for wide characters, 0 for combining ones.
int display_width(std::string_view text);
/// Cut to at most `width` columns, with an ellipsis if something was cut.
std::string truncate(std::string_view text, int width);
/// The same of a name, cut in its middle: names of one table begin alike and end apart.
std::string truncate_name(std::string_view name, int width);
/// The same of all names of a table; those that would come out alike are cut so as to show what
/// they differ in: "majority-voting:n=2,temperature=run" as "majori…n=2,temperatu…".
std::vector<std::string> truncate_names(const std::vector<std::string>& names, int width);
/// Words of `text` in lines of at most `width` columns, the first after `first`, others after
/// `next`, which must be as wide. Ends with a newline.
std::string wrapped(const std::string& text, const std::string& first, const std::string& next,
                    int width);
/// A horizontal line of `width` columns.
std::string rule(int width);
/// Filled with spaces to `width` columns.
std::string pad_right(std::string_view text, int width);
std::string pad_left(std::string_view text, int width);

/// "0.71", "0.71 [0.62, 0.79]"; the en dash if missing, no brackets if only the interval is.
std::string format_accuracy(const std::optional<stats::Estimate>& estimate);
/// "+0.09 [+0.03, +0.15]"; minus is U+2212. Three decimals where two would hide a sign.
std::string format_difference(const std::optional<stats::Estimate>& estimate);
/// "4.8×", "4.8× [4.2, 5.5]"; two decimals below 10, one below 100, none above.
std::string format_ratio(const std::optional<stats::Estimate>& estimate, bool with_interval);
/// Three significant digits: "0.123", "1.23", "12.3", "123", "1234".
std::string format_number(std::optional<double> value);
/// "0.42 s", "12.3 s", "3 min 20 s", "2 h 05 min".
std::string format_duration_s(std::optional<double> seconds);
/// "512 B", "1.3 MiB", "2.4 GiB".
std::string format_bytes(std::optional<int64_t> bytes);
/// "1,234,567".
std::string format_count(std::optional<int64_t> count);

/// A shell word: bare where that is safe, else in single quotes.
std::string shell_quote(std::string_view word);

}  // namespace whet::report
