#include "token/vocabulary_tokenizer.h"

#include "token/byte_alphabet.h"

namespace whet {

namespace {

// Positions inside a text are 32-bit; escaping a space triples it.
constexpr size_t kMaxTextBytes = size_t{1} << 29;

Status check_size(std::string_view text) {
  if (text.size() <= kMaxTextBytes) return ok_status();
  return Error(ErrorCode::kInvalidArgument, "the text to tokenize is larger than 512 MiB");
}

}  // namespace

Result<std::vector<TokenId>> VocabularyTokenizer::encode(std::string_view text,
                                                         const EncodeOptions& options) const {
  WHET_TRY_STATUS(check_size(text));
  std::vector<TokenId> ids;
  if (options.add_special) ids = ends_.prefix;
  const TextRange whole{0, text.size()};
  const std::span<const TextRange> all(&whole, 1);
  WHET_TRY_STATUS(encode_text(text, options.parse_special ? all.first(0) : all, ids));
  if (options.add_special) ids.insert(ids.end(), ends_.suffix.begin(), ends_.suffix.end());
  return ids;
}

Result<std::vector<TokenId>> VocabularyTokenizer::encode(std::span<const PromptPart> parts,
                                                         bool add_bos) const {
  std::string text;
  std::vector<TextRange> user_ranges;
  for (const PromptPart& part : parts) {
    if (part.from_user && !part.text.empty()) {
      user_ranges.push_back({text.size(), text.size() + part.text.size()});
    }
    text += part.text;
  }
  WHET_TRY_STATUS(check_size(text));
  std::vector<TokenId> ids;
  const auto bos = vocabulary_.bos();
  const bool has_bos = bos && text.starts_with(vocabulary_.piece(*bos)) &&
                       (user_ranges.empty() || user_ranges.front().begin > 0);
  if (add_bos && !has_bos) ids = ends_.prefix;
  WHET_TRY_STATUS(encode_text(text, user_ranges, ids));
  return ids;
}

std::string VocabularyTokenizer::decode(const std::vector<TokenId>& ids, bool render_special,
                                        bool at_start) const {
  std::string text;
  for (TokenId id : ids) text += token_bytes(id, render_special);
  if (at_start && hides_leading_space_ && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

bool VocabularyTokenizer::adds_bos() const {
  return !ends_.prefix.empty() && vocabulary_.bos() == ends_.prefix.front();
}

std::string marked_piece_bytes(const Vocabulary& vocabulary, TokenId id, bool render_special) {
  const std::string& piece = vocabulary.piece(id);
  switch (vocabulary.type(id)) {
    case TokenType::kNormal:
    case TokenType::kUserDefined:
      return replace_all(piece, kSpaceMark, " ");
    case TokenType::kByte:
      return std::string(1, static_cast<char>(*parse_byte_piece(piece)));
    case TokenType::kControl:
    case TokenType::kUnknown:
      return render_special ? piece : std::string();
    case TokenType::kUnused:
      return std::string();
  }
  WHET_UNREACHABLE();
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  size_t pos = 0;
  for (size_t hit; (hit = text.find(from, pos)) != text.npos; pos = hit + from.size()) {
    out.append(text.substr(pos, hit - pos)).append(to);
  }
  return out.append(text.substr(pos));
}

}  // namespace whet
