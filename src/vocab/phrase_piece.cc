#include "vocab/phrase_piece.h"

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

#include "token/turn_ends.h"

namespace whet::vocab {

std::string phrase_piece(const Tokenizer& base, std::span<const TokenId> phrase) {
  std::string piece;
  for (const TokenId token : phrase) piece += base.piece(token);
  return piece;
}

std::function<bool(std::span<const TokenId>)> admit_new_pieces(const Tokenizer& base) {
  const auto admitted = std::make_shared<std::set<std::string>>();
  return [&base, admitted](std::span<const TokenId> run) {
    const bool is_text = std::ranges::all_of(
        run, [&](TokenId token) { return base.type(token) == TokenType::kNormal; });
    const std::string piece = phrase_piece(base, run);
    std::vector<TokenType> types = {TokenType::kNormal};
    correct_types_from_text({piece}, types);
    return is_text && types.front() == TokenType::kNormal && !base.find_piece(piece) &&
           admitted->insert(piece).second;
  };
}

}  // namespace whet::vocab
