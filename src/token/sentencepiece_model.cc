#include "token/sentencepiece_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/invalid_model.h"
#include "formats/untrusted_text.h"
#include "token/protobuf_reader.h"
#include "token/spm_tokenizer.h"

namespace whet {

namespace {

using Kind = ProtobufField::Kind;

// Field numbers and defaults of sentencepiece_model.proto.
struct Model {
  VocabularyParts parts;
  SpmOptions options{.adds_space_prefix = true,
                     .removes_extra_spaces = true,
                     .user_defined_are_text = true,
                     .strips_after_control = false};
  uint64_t model_type = 1;
  bool spaces_are_suffixes = false;
  std::string_view normalizer_name;
  bool has_character_table = false;
  int64_t unknown_id = 0;
  int64_t bos_id = 1;
  int64_t eos_id = 2;
};

// Calls `handle(field)` for each field of a message.
template <typename Handle>
Status for_each_field(std::string_view message, Handle handle) {
  ProtobufReader reader(message);
  while (true) {
    WHET_TRY(const std::optional<ProtobufField> field, reader.next());
    if (!field) return ok_status();
    WHET_TRY_STATUS(handle(*field));
  }
}

Status read_piece(std::string_view message, VocabularyParts& parts) {
  std::string piece;
  float score = 0;
  TokenType type = TokenType::kNormal;
  WHET_TRY_STATUS(for_each_field(message, [&](const ProtobufField& field) -> Status {
    if (field.number == 1 && field.kind == Kind::kBytes) piece = field.bytes;
    if (field.number == 2 && field.kind == Kind::kFixed32) score = field.as_float();
    if (field.number == 3 && field.kind == Kind::kVarint) {
      const auto known = token_type_of(static_cast<int64_t>(field.integer));
      if (!known) return invalid_model(fmt::format("piece type {} is not known", field.integer));
      type = *known;
    }
    return ok_status();
  }));
  parts.pieces.push_back(std::move(piece));
  parts.scores.push_back(score);
  parts.types.push_back(type);
  return ok_status();
}

Status read_trainer_spec(std::string_view message, Model& model) {
  return for_each_field(message, [&](const ProtobufField& field) -> Status {
    if (field.kind != Kind::kVarint) return ok_status();
    // An id is an int32, -1 for none, written as 64 bits.
    const auto id = static_cast<int64_t>(field.integer);
    if (field.number == 3) model.model_type = field.integer;
    if (field.number == 24) model.spaces_are_suffixes = field.integer != 0;
    if (field.number == 40) model.unknown_id = id;
    if (field.number == 41) model.bos_id = id;
    if (field.number == 42) model.eos_id = id;
    return ok_status();
  });
}

Status read_normalizer_spec(std::string_view message, Model& model) {
  return for_each_field(message, [&](const ProtobufField& field) -> Status {
    if (field.kind == Kind::kBytes) {
      if (field.number == 1) model.normalizer_name = field.bytes;
      if (field.number == 2) model.has_character_table = !field.bytes.empty();
    } else if (field.kind == Kind::kVarint) {
      if (field.number == 3) model.options.adds_space_prefix = field.integer != 0;
      if (field.number == 4) model.options.removes_extra_spaces = field.integer != 0;
    }
    return ok_status();
  });
}

Result<Model> read_model(std::string_view bytes) {
  Model model;
  WHET_TRY_STATUS(for_each_field(bytes, [&](const ProtobufField& field) -> Status {
    if (field.kind != Kind::kBytes) return ok_status();
    if (field.number == 1) return read_piece(field.bytes, model.parts);
    if (field.number == 2) return read_trainer_spec(field.bytes, model);
    if (field.number == 3) return read_normalizer_spec(field.bytes, model);
    return ok_status();
  }));
  return model;
}

Status refuse_unsupported(const Model& model) {
  constexpr const char* kTypeNames[] = {"?", "unigram", "BPE", "word", "character"};
  if (model.model_type != 2) {
    const char* name = kTypeNames[model.model_type <= 4 ? model.model_type : 0];
    return invalid_model(
        fmt::format("a SentencePiece model of type {} is not supported; only BPE is", name));
  }
  if (model.has_character_table) {
    return invalid_model(
        fmt::format("SentencePiece normalizer {} is not supported; only identity is",
                    quote_untrusted(model.normalizer_name)));
  }
  if (model.spaces_are_suffixes) {
    return invalid_model("a SentencePiece model with white space as suffix is not supported");
  }
  return ok_status();
}

Result<std::optional<TokenId>> to_id(int64_t id) {
  if (id < 0) return std::optional<TokenId>();
  if (id > INT32_MAX) return invalid_model(fmt::format("token id {}", id));
  return std::optional<TokenId>(static_cast<TokenId>(id));
}

// A role that the side files give to a piece, or what the model says itself.
std::optional<TokenId> role(const std::vector<std::string>& pieces,
                            const std::optional<std::string>& text, std::optional<TokenId> own) {
  if (!text || text->empty()) return own;
  const auto it = std::find(pieces.begin(), pieces.end(), *text);
  return it == pieces.end() ? own : static_cast<TokenId>(it - pieces.begin());
}

// Puts the side files' tokens into the vocabulary: behind the model's pieces, or where it has the
// piece already, that becomes a token of its own right. Returns them with their ids.
Result<std::vector<AddedToken>> add_side_tokens(const TokenizerConfig& config,
                                                VocabularyParts& parts) {
  std::vector<AddedToken> tokens;
  for (const PipelineAddedToken& added : config.added_tokens) {
    AddedToken token = added.token;
    const auto it = std::find(parts.pieces.begin(), parts.pieces.end(), token.text);
    if (it != parts.pieces.end()) {
      token.id = static_cast<TokenId>(it - parts.pieces.begin());
    } else if (token.id == kNoToken || (config.n_rows && token.id >= *config.n_rows)) {
      continue;  // no model could read it
    }
    const auto i = static_cast<size_t>(token.id);
    if (i >= parts.pieces.size()) {
      if (i > parts.pieces.size() + config.added_tokens.size() + 65536) {
        return invalid_model(fmt::format("added token {}: id {} is far beyond the {} pieces",
                                         quote_untrusted(token.text), i, parts.pieces.size()));
      }
      parts.pieces.resize(i + 1);
      parts.scores.resize(i + 1, 0.0f);
      parts.types.resize(i + 1, TokenType::kUnused);
    } else if (it == parts.pieces.end() && !parts.pieces[i].empty()) {
      return invalid_model(fmt::format("id {} is both {} and {}", i,
                                       quote_untrusted(parts.pieces[i]),
                                       quote_untrusted(token.text)));
    }
    parts.pieces[i] = token.text;
    const bool is_unknown = parts.types[i] == TokenType::kUnknown;
    if (!is_unknown) {
      parts.types[i] = added.special ? TokenType::kControl : TokenType::kUserDefined;
    }
    token.control = added.special || is_unknown;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> make_sentencepiece_tokenizer(
    std::string_view bytes, const TokenizerConfig& config) {
  WHET_TRY(Model model, read_model(bytes));
  WHET_TRY_STATUS(refuse_unsupported(model));
  WHET_TRY(std::vector<AddedToken> added, add_side_tokens(config, model.parts));
  if (config.is_of_transformers) {
    model.options.removes_extra_spaces = false;
    model.options.prefix_where_missing = true;
    model.options.tokens_start_anew = config.legacy;
  }
  VocabularyParts& parts = model.parts;
  WHET_TRY(parts.unknown, to_id(model.unknown_id));
  WHET_TRY(parts.bos, to_id(model.bos_id));
  WHET_TRY(parts.eos, to_id(model.eos_id));
  parts.bos = role(parts.pieces, config.bos, parts.bos);
  parts.eos = role(parts.pieces, config.eos, parts.eos);
  for (int64_t id : config.end_ids) {
    WHET_TRY(const auto end, to_id(id));
    if (end) parts.more_ends.push_back(*end);
  }
  WHET_TRY(Vocabulary vocabulary, Vocabulary::create(std::move(parts)));
  SequenceEnds ends;
  if (config.adds_bos.value_or(true) && vocabulary.bos()) ends.prefix.push_back(*vocabulary.bos());
  if (config.adds_eos.value_or(false) && vocabulary.eos()) ends.suffix.push_back(*vocabulary.eos());
  return make_spm_tokenizer(std::move(vocabulary), std::move(ends), model.options,
                            std::move(added));
}

}  // namespace whet
