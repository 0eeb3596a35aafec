// Text that came out of a model file: may hold any bytes, so it is validated before it is
// believed and escaped before it is shown.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace whet {

/// Byte offset of the first sequence that is not valid UTF-8 (overlong, surrogate, truncated).
std::optional<size_t> find_invalid_utf8(std::string_view text);

/// `text` in double quotes for a message: control and non-ASCII bytes as \xHH, at most 96 bytes of
/// it, so that no file can write escape sequences to a terminal or flood a log.
std::string quote_untrusted(std::string_view text);

}  // namespace whet
