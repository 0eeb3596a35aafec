// Numbers in the small text files through which the kernel tells about the machine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace whet {

/// The first line of a file; "" if there is none.
std::string first_line(const std::string& path);
/// The number at the beginning of a text; nullopt where it begins with none.
std::optional<double> parse_number(std::string_view text);
/// The first number of the line of a file that begins with `key`.
std::optional<double> number_after(const std::string& path, std::string_view key);

}  // namespace whet
