#include "token/vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "token/byte_alphabet.h"
#include "token/turn_ends.h"

namespace whet {

namespace {

constexpr size_t kMaxPieces = size_t{1} << 24;  // 64 times the largest vocabulary in use

}  // namespace

std::optional<TokenType> token_type_of(int64_t number) {
  constexpr std::array kTypes = {TokenType::kNormal,      TokenType::kUnknown, TokenType::kControl,
                                 TokenType::kUserDefined, TokenType::kUnused,  TokenType::kByte};
  if (number < 1 || number > static_cast<int64_t>(kTypes.size())) return std::nullopt;
  return kTypes[static_cast<size_t>(number - 1)];
}

Result<Vocabulary> Vocabulary::create(VocabularyParts parts) {
  Vocabulary vocabulary(std::move(parts));
  WHET_TRY_STATUS(vocabulary.check_lengths_and_ids());
  WHET_TRY_STATUS(vocabulary.index_pieces());
  VocabularyParts& p = vocabulary.parts_;
  if (p.types_from_text) correct_types_from_text(p.pieces, p.types);
  std::vector<TokenId> declared = p.more_ends;
  if (p.eos) declared.push_back(*p.eos);
  if (p.all_ends) {
    vocabulary.ends_ = *p.all_ends;
    std::sort(vocabulary.ends_.begin(), vocabulary.ends_.end());
  } else {
    vocabulary.ends_ = collect_turn_ends(p.pieces, p.types, std::move(declared));
  }
  return vocabulary;
}

std::optional<TokenId> Vocabulary::find(std::string_view piece) const {
  auto it = ids_.find(piece);
  if (it == ids_.end()) return std::nullopt;
  return it->second;
}

std::optional<TokenId> Vocabulary::find_text(std::string_view piece) const {
  const auto id = find(piece);
  if (!id) return std::nullopt;
  const TokenType t = type(*id);
  const bool is_text = t == TokenType::kNormal || t == TokenType::kUnused;
  return is_text ? id : std::nullopt;
}

Status Vocabulary::check_lengths_and_ids() const {
  const size_t n = parts_.pieces.size();
  if (n == 0) return invalid_model("the vocabulary is empty");
  if (n > kMaxPieces) {
    return invalid_model(fmt::format("{} tokens, more than the {} supported", n, kMaxPieces));
  }
  if (parts_.types.size() != n) {
    return invalid_model(fmt::format("{} tokens but {} token types", n, parts_.types.size()));
  }
  if (!parts_.scores.empty() && parts_.scores.size() != n) {
    return invalid_model(fmt::format("{} tokens but {} scores", n, parts_.scores.size()));
  }
  for (size_t i = 0; i < parts_.scores.size(); ++i) {
    if (std::isnan(parts_.scores[i]))
      return invalid_model(fmt::format("token {}: score is NaN", i));
  }
  const auto check = [n](const char* role, TokenId id) -> Status {
    if (id >= 0 && static_cast<size_t>(id) < n) return ok_status();
    return invalid_model(
        fmt::format("{} token id {} is outside the vocabulary of {}", role, id, n));
  };
  if (parts_.bos) WHET_TRY_STATUS(check("BOS", *parts_.bos));
  if (parts_.eos) WHET_TRY_STATUS(check("EOS", *parts_.eos));
  if (parts_.unknown) WHET_TRY_STATUS(check("unknown", *parts_.unknown));
  for (TokenId id : parts_.more_ends) WHET_TRY_STATUS(check("end-of-turn", id));
  if (parts_.all_ends) {
    for (TokenId id : *parts_.all_ends) WHET_TRY_STATUS(check("end-of-turn", id));
  }
  return ok_status();
}

Status Vocabulary::index_pieces() {
  ids_.reserve(parts_.pieces.size());
  uint64_t n_duplicates = 0;
  for (size_t i = 0; i < parts_.pieces.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    std::string& piece = parts_.pieces[i];
    // Converters leave holes; a hole gets a name that no text spells, as in llama.cpp.
    if (piece.empty()) {
      piece = fmt::format("[EMPTY_{}]", i);
      parts_.types[i] = TokenType::kUnused;
    }
    const auto [it, is_new] = ids_.emplace(piece, id);
    if (!is_new) {
      const std::string both =
          fmt::format("tokens {} and {} are both {}", it->second, id, quote_untrusted(piece));
      if (!parts_.allows_duplicates) return invalid_model(both);
      if (++n_duplicates == 1) parts_.notes.push_back(both + ": text becomes the later one");
      it->second = id;
    }
    longest_piece_bytes_ = std::max(longest_piece_bytes_, piece.size());
    const auto byte = parse_byte_piece(piece);
    if (parts_.types[i] == TokenType::kByte && !byte) {
      return invalid_model(fmt::format("token {} is a byte token, but {} is not <0xHH>", id,
                                       quote_untrusted(piece)));
    }
    // "<0x0a>" beside "<0x0A>": the upper-case spelling is the one that vocabularies mean.
    if (byte && piece == byte_piece(*byte)) byte_tokens_[*byte] = id;
  }
  if (n_duplicates > 1) parts_.notes.back() += fmt::format(" ({} such pairs)", n_duplicates);
  return ok_status();
}

}  // namespace whet
