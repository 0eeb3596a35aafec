#include "token/bpe_model.h"

#include <fmt/format.h>

#include <unordered_map>

#include "formats/untrusted_text.h"
#include "token/byte_alphabet.h"
#include "token/utf8.h"

namespace whet {

namespace {

constexpr size_t kMaxMerges = size_t{1} << 24;  // ranks stay exact as float

bool never_in_utf8(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return byte == 0xC0 || byte == 0xC1 || byte >= 0xF5;
}

Error no_token_for(std::string_view text) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("the vocabulary has no token for {} and no fallback to bytes",
                           quote_untrusted(text)));
}

// Ids for pieces: those of the vocabulary, and further ones for pieces that only merges know.
class PieceIds {
 public:
  PieceIds(const Vocabulary& vocabulary, bool may_grow)
      : vocabulary_(vocabulary), may_grow_(may_grow) {}

  std::optional<TokenId> find(const std::string& piece) {
    if (auto id = vocabulary_.find(piece)) return id;
    if (!may_grow_) return std::nullopt;
    const auto next = vocabulary_.size() + static_cast<TokenId>(more_.size());
    return more_.emplace(piece, next).first->second;
  }
  /// Only pieces that already have an id and may come out of ordinary text.
  TokenId known(std::string_view piece) const {
    if (vocabulary_.find(piece)) return vocabulary_.find_text(piece).value_or(kNoToken);
    auto it = more_.find(std::string(piece));
    return it == more_.end() ? kNoToken : it->second;
  }

 private:
  const Vocabulary& vocabulary_;
  bool may_grow_;
  std::unordered_map<std::string, TokenId> more_;
};

}  // namespace

Result<BpeModel> BpeModel::create(const Vocabulary& vocabulary,
                                  const std::vector<MergeParts>& merges, BpeOptions options) {
  if (merges.size() > kMaxMerges) {
    return Error(ErrorCode::kInvalidModel, fmt::format("{} merges are too many", merges.size()));
  }
  BpeModel model(options, merges.size());
  model.n_tokens_ = vocabulary.size();
  PieceIds ids(vocabulary, options.merges_beyond_vocabulary);
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    const auto left_id = ids.find(left);
    const auto right_id = ids.find(right);
    const auto merged_id = ids.find(left + right);
    if (!left_id || !right_id || !merged_id) {
      const std::string& missing = !left_id ? left : !right_id ? right : left + right;
      return Error(
          ErrorCode::kInvalidModel,
          fmt::format("merge {} ({} {}): {} is not in the vocabulary", rank, quote_untrusted(left),
                      quote_untrusted(right), quote_untrusted(missing)));
    }
    model.merges_.insert(*left_id, *right_id, {static_cast<uint32_t>(rank), *merged_id},
                         options.later_merge_counts);
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    model.byte_ids_[byte] = ids.known(byte_to_letter(static_cast<uint8_t>(byte)));
  }
  return model;
}

Status BpeModel::add_unknown(std::string_view word, size_t begin, size_t length,
                             PairMerging& merging) const {
  auto& symbols = merging.symbols;
  if (options_.unknown) {
    const bool follows_unknown = !symbols.empty() && symbols.back().id == *options_.unknown &&
                                 symbols.back().begin + symbols.back().length == begin;
    if (options_.fuses_unknown && follows_unknown) {
      symbols.back().length += static_cast<uint32_t>(length);
    } else {
      symbols.push_back(
          {static_cast<uint32_t>(begin), static_cast<uint32_t>(length), *options_.unknown});
    }
    return ok_status();
  }
  return no_token_for(word.substr(begin, length));
}

Status BpeModel::split_into_bytes(std::string_view word, PairMerging& merging) const {
  const auto add = [&](size_t i, char byte) {
    const TokenId id = byte_ids_[static_cast<uint8_t>(byte)];
    if (id != kNoToken) merging.symbols.push_back({static_cast<uint32_t>(i), 1, id});
    return id != kNoToken;
  };
  for (size_t i = 0; i < word.size(); ++i) {
    if (add(i, word[i])) continue;
    // Some vocabularies lack the bytes that no valid UTF-8 has; the others can spell U+FFFD.
    bool replaced = never_in_utf8(word[i]);
    for (char byte : kReplacementCharacter) replaced = replaced && add(i, byte);
    if (!replaced) WHET_TRY_STATUS(add_unknown(word, i, 1, merging));
  }
  return ok_status();
}

Status BpeModel::split_into_chars(const Vocabulary& vocabulary, std::string_view word,
                                  PairMerging& merging) const {
  for (size_t begin = 0; begin < word.size();) {
    const Utf8Char c = first_utf8_char(word.substr(begin));
    const size_t length = c.length;
    if (const auto id = vocabulary.find_text(word.substr(begin, length))) {
      merging.symbols.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(length), *id});
    } else {
      bool all_bytes = options_.byte_fallback;
      for (size_t i = begin; i < begin + length; ++i) {
        all_bytes = all_bytes && vocabulary.byte_token(static_cast<uint8_t>(word[i]));
      }
      for (size_t i = begin; all_bytes && i < begin + length; ++i) {
        const TokenId id_of_byte = *vocabulary.byte_token(static_cast<uint8_t>(word[i]));
        merging.symbols.push_back({static_cast<uint32_t>(i), 1, id_of_byte});
      }
      if (!all_bytes) WHET_TRY_STATUS(add_unknown(word, begin, length, merging));
    }
    begin += length;
  }
  return ok_status();
}

Status BpeModel::encode_word(const Vocabulary& vocabulary, std::string_view word,
                             PairMerging& merging, std::vector<TokenId>& ids) const {
  if (options_.ignores_merges) {
    const auto id = options_.byte_level ? vocabulary.find_text(bytes_to_letters(word))
                                        : vocabulary.find_text(word);
    if (id) {
      ids.push_back(*id);
      return ok_status();
    }
  }
  merging.symbols.clear();
  if (options_.byte_level) {
    WHET_TRY_STATUS(split_into_bytes(word, merging));
  } else {
    WHET_TRY_STATUS(split_into_chars(vocabulary, word, merging));
  }
  merging.run(
      [&](const MergeSymbol& left, const MergeSymbol& right) -> std::optional<MergeCandidate> {
        const MergeTable::Merge* merge = merges_.find(left.id, right.id);
        if (merge == nullptr) return std::nullopt;
        return MergeCandidate{static_cast<float>(merge->rank), merge->merged};
      });
  for (const MergeSymbol& symbol : merging.symbols) {
    if (symbol.length == 0) continue;
    if (symbol.id < n_tokens_) {
      ids.push_back(symbol.id);
      continue;
    }
    for (uint32_t i = symbol.begin; i < symbol.begin + symbol.length; ++i) {
      const TokenId byte_id = byte_ids_[static_cast<uint8_t>(word[i])];
      if (byte_id == kNoToken || byte_id >= n_tokens_) return no_token_for(word.substr(i, 1));
      ids.push_back(byte_id);
    }
  }
  return ok_status();
}

}  // namespace whet
