// How deep JSON text is nested, known before it is parsed: a tree of a hostile text takes far more
// memory than the text, and walking it recurses.
#pragma once

#include <string_view>

namespace whet {

/// Of JSON that comes from outside, be it a file, a request or a reply.
inline constexpr int kMaxJsonNesting = 64;

/// The most brackets that are open at once, those in strings not counted; text that is no JSON
/// gives some number. Linear time.
int json_nesting(std::string_view text);

}  // namespace whet
