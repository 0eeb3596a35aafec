// Quotation: how texts of candidates go into a later prompt: without their reasoning, and short
// enough that many of them leave room for an answer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "strategy/strategy.h"

namespace whet::strategy {

/// Bytes that each of `n` quoted texts may have, so that all of them fill at most half of the
/// model's context even if every two bytes are a token.
size_t quote_limit(const Generator& generator, size_t n);

/// `text` without reasoning and surrounding space; of a longer one the middle is left out, whole
/// code points only, and "[...]" stands in its place. A code fence that it leaves open is closed:
/// a model takes an open one for its own, and closes it instead of answering.
std::string quoted(std::string_view text, size_t limit);

/// "NOUN 1:\n...\n\nNOUN 2:\n..." of the candidates `which`, in this order.
std::string listed(const std::vector<Candidate>& candidates, const std::vector<size_t>& which,
                   std::string_view noun, size_t limit);

/// Whether `bytes` end with a whole code point and hold no other broken one.
bool is_whole_text(std::string_view bytes);

/// What stands between the last `<tag>` and `</tag>`, or the end where it is not closed; "" without
/// the tag. Small models often forget to close one.
std::string_view tagged(std::string_view text, std::string_view tag);

/// Lines that are items: without bullets ("-", "*", "1.", "2)"), headings and blank lines; at most
/// `most`.
std::vector<std::string> list_items(std::string_view text, size_t most);

}  // namespace whet::strategy
