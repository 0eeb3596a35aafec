#include "token/detokenizer.h"

#include "token/utf8.h"

namespace whet {

std::string Detokenizer::push(TokenId id) {
  const std::string bytes = tokenizer_.decode({id}, options_.render_special, at_start_);
  // A token that shows nothing, such as BOS, leaves the text at its start; a lone space that was
  // taken off does not.
  if (at_start_ && !tokenizer_.token_bytes(id, options_.render_special).empty()) at_start_ = false;
  pending_ += bytes;

  std::string text;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const size_t valid = valid_utf8_prefix(rest);
    text.append(rest.substr(0, valid));
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    const Utf8Char c = first_utf8_char(rest);
    if (c.state == Utf8Char::State::kIncomplete) break;
    text.append(kReplacementCharacter);
    rest.remove_prefix(c.length);
  }
  pending_ = std::string(rest);
  return text;
}

std::string Detokenizer::flush() {
  at_start_ = options_.at_start;
  std::string text = pending_.empty() ? std::string() : std::string(kReplacementCharacter);
  pending_.clear();
  return text;
}

}  // namespace whet
