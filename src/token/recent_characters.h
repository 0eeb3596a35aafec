// Characters that Unicode 15.0, 15.1 and 16.0 assigned. The regular expressions of Hugging Face's
// tokenizers know them; PCRE2 10.42 and utf8proc 2.8 have the tables of Unicode 14 and 15.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace whet {

/// An older character of the same general category, of as many bytes in UTF-8, and of Han where the
/// given one is; none if the given one is not among those of Unicode 15.0 to 16.0.
std::optional<char32_t> older_likeness(char32_t code_point);

/// `text` with each recent character replaced by its likeness, at the same offsets; none if it has
/// no such character. The text is valid UTF-8.
std::optional<std::string> with_older_likenesses(std::string_view text);

}  // namespace whet
