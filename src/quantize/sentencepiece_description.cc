#include "quantize/sentencepiece_description.h"

#include <cstdint>
#include <cstring>
#include <string_view>

#include "quantize/tokenizer_description.h"

namespace whet {
namespace {

/// A protobuf message, field by field.
class Message {
 public:
  void add_integer(uint32_t field, int64_t value) {
    add_tag(field, 0);
    add_varint(static_cast<uint64_t>(value));
  }
  void add_float(uint32_t field, float value) {
    add_tag(field, 5);
    char bytes[sizeof(value)];
    std::memcpy(bytes, &value, sizeof(value));
    bytes_.append(bytes, sizeof(bytes));
  }
  void add_bytes(uint32_t field, std::string_view value) {
    add_tag(field, 2);
    add_varint(value.size());
    bytes_ += value;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void add_tag(uint32_t field, uint32_t kind) { add_varint(field << 3 | kind); }
  void add_varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

int64_t id_or_none(const std::optional<TokenId>& id) {
  return id ? int64_t{*id} : -1;
}

}  // namespace

// Field numbers are those of sentencepiece_model.proto.
Result<std::string> describe_sentencepiece(const Tokenizer& tokenizer,
                                           const SentencePieceRules& rules) {
  Message model;
  int64_t unknown = id_or_none(rules.unknown);
  for (TokenId id = 0; id < tokenizer.vocab_size() && unknown < 0; ++id) {
    if (tokenizer.type(id) == TokenType::kUnknown) unknown = id;
  }
  bool has_bytes = false;
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    const TokenType type = id == unknown ? TokenType::kUnknown : tokenizer.type(id);
    has_bytes = has_bytes || type == TokenType::kByte;
    Message piece;
    piece.add_bytes(1, tokenizer.piece(id));
    piece.add_float(2, tokenizer.score(id));
    piece.add_integer(3, type_number(type));
    model.add_bytes(1, piece.bytes());
  }
  if (unknown < 0) {
    return Error(ErrorCode::kInvalidModel,
                 "tokenizer.model: expected a token for what is unknown, found none");
  }
  Message trainer;
  trainer.add_integer(3, 2);  // BPE
  trainer.add_integer(4, tokenizer.vocab_size());
  trainer.add_integer(35, has_bytes ? 1 : 0);
  trainer.add_integer(40, unknown);
  trainer.add_integer(41, id_or_none(tokenizer.bos()));
  trainer.add_integer(42, id_or_none(tokenizer.eos()));
  trainer.add_integer(43, -1);  // padding: the model does not know it
  model.add_bytes(2, trainer.bytes());
  Message normalizer;
  normalizer.add_bytes(1, "identity");
  normalizer.add_integer(3, rules.adds_space_prefix ? 1 : 0);
  normalizer.add_integer(4, rules.removes_extra_spaces ? 1 : 0);
  normalizer.add_integer(5, 1);  // U+2581 for spaces
  model.add_bytes(3, normalizer.bytes());
  return model.bytes();
}

}  // namespace whet
